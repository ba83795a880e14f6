// expect: refused
// Throws an object without a prototype.
exports.onExecuteCredentialsExchange = async () => {
  throw Object.create(null);
};
