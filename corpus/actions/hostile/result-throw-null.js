// expect: refused
// Throws null.
exports.onExecuteCredentialsExchange = async () => {
  throw null;
};
