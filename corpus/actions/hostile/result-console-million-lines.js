// expect: contained
// Writes a million lines to the log.
exports.onExecuteCredentialsExchange = async () => {
  for (let i = 0; i < 1000000; i++) console.log(i);
};
