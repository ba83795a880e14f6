// expect: contained
// Asks for scopes that the client was never granted.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.transaction.addTargetScope('admin:all');
  api.transaction.addTargetScope('*');
  api.transaction.addTargetScope('openid');
};
