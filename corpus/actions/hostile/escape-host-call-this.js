// expect: contained
// Calls host functions with a foreign this and as constructors.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const calls = [
    () => api.accessToken.setCustomClaim.call(null, 'https://claims.example/a', 1),
    () => api.cache.get.call({}, 'key'),
    () => api.cache.set.apply(undefined, ['key', 'value']),
    () => new api.cache.get('key'),
    () => new api.accessToken.setCustomClaim('https://claims.example/b', 2),
    () => Reflect.construct(api.cache.get, ['key'], Array),
    () => api.transaction.addTargetScope.call(globalThis, 'admin:all'),
    () => Reflect.apply(console.log, Symbol('this'), []),
    () => new console.log('x'),
    () => new require('crypto'),
    () => Reflect.construct(require, ['crypto'], Map).set('a', 1),
  ];
  for (const call of calls) {
    try {
      call();
    } catch (error) {
      // refused
    }
  }
};
