// expect: contained
// Uses keys that are longer than they may be.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const size of [65, 1000, 4000000]) {
    const key = 'k'.repeat(size);
    try {
      api.cache.set(key, 'v');
    } catch (error) {
      // refused
    }
    if (api.cache.get(key)?.value === 'v') {
      api.access.deny('server_error', `ESCAPED: a key of ${size} bytes`);
    }
  }
};
