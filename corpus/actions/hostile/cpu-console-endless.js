// expect: refused
// Writes log lines without end.
exports.onExecuteCredentialsExchange = async () => {
  for (let i = 0; ; i++) console.log('line', i);
};
