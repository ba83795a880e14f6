// expect: refused
// Parses objects with many distinct names.
exports.onExecuteCredentialsExchange = async () => {
  for (let i = 0; ; i += 10000) {
    let text = '{';
    for (let j = i; j < i + 10000; j++) text += `"n${j}":0,`;
    JSON.parse(`${text}"end":0}`);
  }
};
