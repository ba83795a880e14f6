// No token for a client whose own allowlist is off, only reports, or is empty.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const { mode, entries } = event.client.allowlist;
  if (mode !== 'enforce' || entries.length === 0) {
    return api.access.deny('invalid_request', `${event.client.name} needs an allowlist first.`);
  }
  const single = entries.every((entry) => !entry.includes('/'));
  api.accessToken.setCustomClaim('https://claims.example/single-addresses', single);
};
