// expect: contained
// Odd times to live.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const times = [
    -1, 0, NaN, Infinity, -Infinity, 1e400, 2 ** 63, 2 ** 64, 8.64e15, 1n, '1000', null, {},
    { valueOf: () => 1e15 }, [], true, Symbol('ttl'), -0.5, 1e-7,
  ];
  for (const time of times) {
    for (const options of [{ ttl: time }, { expires_at: time }, { ttl: time, expires_at: time }]) {
      try {
        api.cache.set('key', 'value', options);
      } catch (error) {
        // refused
      }
    }
  }
  for (const options of [null, 1, 'ttl', [], new Proxy({}, { get: () => -1 }), () => {}]) {
    try {
      api.cache.set('key', 'value', options);
    } catch (error) {
      // refused
    }
  }
};
