// Starts from nothing and adds what the kind of the client calls for.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.transaction.clearTargetScopes();
  switch (event.client.metadata.kind) {
    case 'importer':
      api.transaction.addTargetScope('read:things');
      api.transaction.addTargetScope('write:things');
      break;
    case 'reporter':
      api.transaction.addTargetScope('read:things');
      break;
    default:
      return api.access.deny('invalid_scope', 'This client has no kind yet.');
  }
};
