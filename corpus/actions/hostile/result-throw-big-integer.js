// expect: refused
// Throws a big integer.
exports.onExecuteCredentialsExchange = async () => {
  throw 1n;
};
