// expect: refused
// Throws undefined.
exports.onExecuteCredentialsExchange = async () => {
  throw undefined;
};
