// Only clients marked as writers keep scopes that write.
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (event.client.metadata.writer === 'yes') return;
  for (const scope of event.transaction.target_scopes) {
    if (scope.startsWith('write:')) api.transaction.removeTargetScope(scope);
  }
};
