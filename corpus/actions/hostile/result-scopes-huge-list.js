// expect: contained
// Sets a long list of scopes at once.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.transaction.setTargetScopes(Array.from({ length: 20000 }, (x, i) => `scope:${i}`));
};
