// expect: contained
// Writes values to the cache that are larger than it may hold.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const size of [5000, 100000, 4000000]) {
    try {
      api.cache.set('large', 'v'.repeat(size));
    } catch (error) {
      // refused
    }
    const held = api.cache.get('large')?.value?.length ?? 0;
    if (held > 4096) api.access.deny('server_error', `ESCAPED: the cache holds ${held} bytes`);
  }
};
