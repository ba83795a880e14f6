// Settings and helpers beside the handler.
const CONFIG = Object.freeze({
  namespace: 'https://claims.example',
  environments: { prod: 'production', stag: 'staging', test: 'test' },
  fallback: 'test',
});

function claim(name) {
  return `${CONFIG.namespace}/${name}`;
}

function environmentOf(client) {
  const [prefix] = client.name.toLowerCase().split('-');
  return CONFIG.environments[prefix] || CONFIG.environments[CONFIG.fallback];
}

exports.onExecuteCredentialsExchange = async (event, api) => {
  const environment = environmentOf(event.client);
  api.accessToken.setCustomClaim(claim('environment'), environment);
  api.accessToken.setCustomClaim(claim('production'), environment === 'production');
};
