// The other way to export.
const onExecuteCredentialsExchange = async (event, api) => {
  api.accessToken.setCustomClaim('https://claims.example/tenant', event.tenant.id);
};

module.exports = { onExecuteCredentialsExchange };
