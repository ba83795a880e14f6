// expect: contained
// Keys named like the properties that every object has.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
    if (api.cache.get(key) !== undefined && api.cache.get(key) !== null) {
      api.access.deny('server_error', `ESCAPED: the cache holds ${key}`);
    }
    try {
      api.cache.set(key, 'value');
    } catch (error) {
      // refused
    }
    api.cache.delete(key);
  }
  if (typeof {}.toString !== 'function') api.access.deny('server_error', 'ESCAPED: toString');
};
