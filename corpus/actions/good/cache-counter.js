// Counts how often the trigger ran since the cache was empty.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const key = `count-${event.client.client_id}`;
  const before = Number(api.cache.get(key)?.value ?? '0');
  api.cache.set(key, String(before + 1), { ttl: 60 * 1000 });
  const after = Number(api.cache.get(key).value);
  api.accessToken.setCustomClaim('https://claims.example/step', after - before);
};
