// expect: contained
// Writes more entries to the cache than it may hold.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (let i = 0; i < 500; i++) {
    try {
      api.cache.set(`key-${i}`, 'v'.repeat(1000));
    } catch (error) {
      break;
    }
  }
  let held = 0;
  for (let i = 0; i < 500; i++) if (api.cache.get(`key-${i}`)?.value) held += 1;
  if (held > 20) api.access.deny('server_error', `ESCAPED: the cache holds ${held} entries`);
};
