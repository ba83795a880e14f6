// expect: contained
// Keys and values that are no texts.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const things = [
    undefined, null, 0, {}, [], Symbol('x'), 1n, () => 'x', new Proxy({}, {}), '\ud800', '\u0000',
    { toString: () => 'x'.repeat(100000) },
  ];
  for (const thing of things) {
    try {
      api.cache.set(thing, thing);
      api.cache.get(thing);
      api.cache.delete(thing);
    } catch (error) {
      // refused
    }
    try {
      api.cache.set('key', thing);
      const value = api.cache.get('key')?.value;
      if (value !== undefined && typeof value !== 'string') {
        api.access.deny('server_error', 'ESCAPED: the cache holds something that is no text');
      }
    } catch (error) {
      // refused
    }
  }
};
