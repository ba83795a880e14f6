// The organisation of the request, when there is one.
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (!event.organization) return;
  const { id, name, display_name: label, metadata } = event.organization;
  api.accessToken.setCustomClaim('https://claims.example/organisation', { id, name, label });
  if (metadata?.suspended === 'true') {
    api.access.deny('invalid_request', `${label} is suspended.`);
  }
};
