// expect: contained
// Changes the facts about the request after the host decided on them.
exports.onExecuteCredentialsExchange = async (event) => {
  event.client.client_id = 'another client';
  event.client.allowlist = { mode: 'off', entries: [] };
  event.request.ip = '198.51.100.1';
  event.resource_server.identifier = 'https://admin.example/';
  event.tenant.id = 'another tenant';
  event.accessToken.scope.push('admin:all');
  event.accessToken.customClaims['https://claims.example/mutated'] = true;
  event.transaction.requested_scopes.push('admin:all');
  event.transaction.target_scopes = ['admin:all'];
  event.secrets = { ALLOW_LIST: '0.0.0.0/0' };
};
