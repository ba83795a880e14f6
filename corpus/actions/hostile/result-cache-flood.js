// expect: refused
// Writes to the cache without end.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (let i = 0; ; i++) api.cache.set(`key ${i}`, 'value');
};
