// expect: contained
// Replaces methods of Map, Set and WeakMap, which may hold the host's state.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let seen = 0;
  for (const Kind of [Map, Set, WeakMap, WeakSet]) {
    for (const name of ['get', 'set', 'has', 'add', 'delete']) {
      try {
        const replacement = () => {
          seen += 1;
        };
        Kind.prototype[name] = replacement;
        Object.defineProperty(Kind.prototype, name, { value: replacement });
      } catch (error) {
        // frozen
      }
    }
  }
  api.cache.set('a', 'b');
  api.cache.get('a');
  require('crypto');
  new Map([[1, 2]]).get(1);
  if (seen > 0) api.access.deny('server_error', 'ESCAPED: Map.prototype');
};
