// expect: refused
// Throws false, which is not an error either.
exports.onExecuteCredentialsExchange = async () => {
  throw false;
};
