// Refuses clients that are too old.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const [, product, major] = event.request.user_agent?.match(/^([\w-]+)\/(\d+)/) ?? [];
  if (product === 'acme-sync' && Number(major) < 3) {
    return api.access.deny('invalid_request', `Please update ${product} ${major}.`);
  }
  api.accessToken.setCustomClaim('https://claims.example/product', product ?? 'unknown');
};
