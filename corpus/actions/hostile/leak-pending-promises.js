// expect: contained
// Leaves promises, generators and async functions hanging.
const found = globalThis.resolveLater;

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found !== undefined) {
    found('woken');
    api.access.deny('server_error', 'ESCAPED: a promise of an earlier run');
  }
  new Promise((resolve) => {
    globalThis.resolveLater = resolve;
  }).then(() => api.accessToken.setCustomClaim('https://claims.example/late', 'marker'));
};
