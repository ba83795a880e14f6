// expect: refused
// Throws a frozen error without a stack.
exports.onExecuteCredentialsExchange = async () => {
  const error = new Error('no');
  delete error.stack;
  throw Object.freeze(error);
};
