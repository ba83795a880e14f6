// expect: refused
// Throws an error that is its own cause.
exports.onExecuteCredentialsExchange = async () => {
  const error = new AggregateError([], 'no');
  error.cause = error;
  error.errors.push(error);
  throw error;
};
