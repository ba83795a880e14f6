// Keeps the scopes that are both asked for and listed in the metadata.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const listed = new Set((event.client.metadata.scopes ?? '').split(' ').filter(Boolean));
  const kept = event.transaction.requested_scopes.filter((scope) => listed.has(scope));
  api.transaction.setTargetScopes(kept);
  api.accessToken.setCustomClaim('https://claims.example/kept', kept.length);
};
