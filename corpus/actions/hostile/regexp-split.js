// expect: refused
// Splits a long text by an expression that nearly fits everywhere.
exports.onExecuteCredentialsExchange = async () => {
  return 'a'.repeat(300000).split(/(?:a+)+b/);
};
