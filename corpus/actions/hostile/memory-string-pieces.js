// expect: refused
// Keeps every intermediate string of a growing text.
exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  let text = '';
  for (let i = 0; ; i++) {
    text += `${i},`;
    kept.push(text.slice(0, -1));
  }
};
