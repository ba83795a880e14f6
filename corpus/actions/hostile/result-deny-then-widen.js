// expect: refused
// Denies and then asks for more scopes and claims.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_scope', 'no');
  api.transaction.setTargetScopes(['read:things', 'write:things', 'admin:all']);
  api.transaction.addTargetScope('admin:all');
  api.accessToken.setCustomClaim('https://claims.example/denied', false);
};
