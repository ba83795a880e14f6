// expect: contained
// A handler that is not async answers with a thenable that never calls back.
exports.onExecuteCredentialsExchange = () => ({
  then() {
    return 'ignored';
  },
});
