// expect: refused
// A handler that is not async throws.
exports.onExecuteCredentialsExchange = () => {
  throw new TypeError('no');
};
