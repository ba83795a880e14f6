// expect: contained
// Replaces Object.freeze, Object.keys, Reflect.apply and their like.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let seen = 0;
  const replacement = (x) => {
    seen += 1;
    return x;
  };
  const places = [
    [Object, ['freeze', 'keys', 'entries', 'assign', 'defineProperty', 'create']],
    [Reflect, ['apply', 'ownKeys', 'get', 'set']],
    [Array, ['isArray', 'from']],
    [Number, ['isFinite', 'isInteger']],
    [Symbol, ['for']],
    [Date, ['now']],
    [Math, ['random', 'min', 'floor']],
  ];
  for (const [object, names] of places) {
    for (const name of names) {
      try {
        object[name] = replacement;
      } catch (error) {
        // frozen
      }
    }
  }
  api.accessToken.setCustomClaim('https://claims.example/a', { b: [1, 2] });
  api.cache.set('a', 'b', { ttl: 1000 });
  console.log({ a: 1 });
  if (seen > 0) api.access.deny('server_error', 'ESCAPED: a static method');
};
