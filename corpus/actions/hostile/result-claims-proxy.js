// expect: contained
// Proxies as claims: endless keys, endless nesting, lies about arrays.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const nest = new Proxy({}, {
    ownKeys: () => ['inner'],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    get: (target, key) => (key === 'inner' ? nest : undefined),
  });
  const values = [
    new Proxy([], { get: (target, key) => (key === 'length' ? 2 ** 32 : undefined) }),
    new Proxy({}, { ownKeys: () => Array.from({ length: 50000 }, (x, i) => `k${i}`) }),
    nest,
    new Proxy(api, {}),
  ];
  values.forEach((value, i) => {
    try {
      api.accessToken.setCustomClaim(`https://claims.example/${i}`, value);
    } catch (error) {
      // refused
    }
  });
};
