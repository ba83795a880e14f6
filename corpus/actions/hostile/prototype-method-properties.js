// expect: contained
// Gives every built-in function a call, an apply and a bind of its own.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let seen = 0;
  const spy = () => {
    seen += 1;
    return () => undefined;
  };
  for (const name of Reflect.ownKeys(globalThis)) {
    const object = globalThis[name];
    for (const place of [object, object?.prototype]) {
      if (place !== Object(place)) continue;
      for (const key of Reflect.ownKeys(place)) {
        const method = Reflect.getOwnPropertyDescriptor(place, key).value;
        if (typeof method !== 'function') continue;
        for (const way of ['call', 'apply', 'bind']) {
          Reflect.defineProperty(method, way, { value: spy });
        }
      }
    }
  }
  api.accessToken.setCustomClaim('https://claims.example/a', { b: [1, 'c'] });
  api.cache.set('a', 'b', { ttl: 1000 });
  api.cache.get('a');
  api.transaction.addTargetScope('read:things');
  require('crypto').createHash('sha256').update('a').digest('hex');
  console.log('%s', { a: 1 }, [2]);
  if (seen > 0) api.access.deny('server_error', 'ESCAPED: a method of a built-in function');
};
