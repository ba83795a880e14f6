// expect: contained
// Replaces the scopes by others.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.transaction.clearTargetScopes();
  api.transaction.setTargetScopes(['admin:all', 'read:things', 'write:everything']);
};
