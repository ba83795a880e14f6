// expect: contained
// Replaces Proxy and Symbol to watch what the host does with them.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const seen = [];
  for (const name of ['Proxy', 'Symbol', 'Map', 'Uint8Array', 'Object']) {
    try {
      globalThis[name] = new Proxy(globalThis[name], {
        get(target, key) {
          seen.push(key);
          return target[key];
        },
      });
    } catch (error) {
      // frozen
    }
  }
  seen.length = 0;
  api.accessToken.setCustomClaim('https://claims.example/a', { b: 1 });
  console.log('watched', seen.length);
};
