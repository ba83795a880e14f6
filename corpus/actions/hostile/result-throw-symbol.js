// expect: refused
// Throws a symbol, which cannot be turned into text.
exports.onExecuteCredentialsExchange = async () => {
  throw Symbol('no');
};
