// A role for each API, and none for an API that is not listed.
const ROLES = new Map([
  ['https://api.example/', 'reader'],
  ['https://billing.example/', 'accountant'],
]);

exports.onExecuteCredentialsExchange = async (event, api) => {
  const role = ROLES.get(event.resource_server.identifier);
  if (role !== undefined) api.accessToken.setCustomClaim('https://claims.example/role', role);
};
