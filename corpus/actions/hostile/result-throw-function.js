// expect: refused
// Throws a function.
exports.onExecuteCredentialsExchange = async () => {
  throw () => 'no';
};
