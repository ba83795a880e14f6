// Says no and goes on, as scripts without a return do; the token stays refused.
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (event.client.metadata.blocked === 'yes') {
    api.access.deny('invalid_request', 'This client is blocked.');
  }
  api.accessToken.setCustomClaim('https://claims.example/checked', true);
};
