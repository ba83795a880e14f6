// expect: refused
// The handler answers with a thenable that never calls back.
exports.onExecuteCredentialsExchange = async () => ({
  then() {
    return 'ignored';
  },
});
