// expect: contained
// Proxies that lie about frozen targets.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const target = Object.freeze({ fixed: 1 });
  const liar = new Proxy(target, {
    get: () => 2,
    ownKeys: () => ['invented'],
    getOwnPropertyDescriptor: () => ({ value: 3, configurable: false }),
    isExtensible: () => true,
    getPrototypeOf: () => Array.prototype,
    has: () => false,
    deleteProperty: () => true,
  });
  const attempts = [
    () => liar.fixed === 2,
    () => Object.keys(liar).length,
    () => Object.getOwnPropertyDescriptor(liar, 'fixed').value === 3,
    () => Object.isExtensible(liar),
    () => liar instanceof Array,
    () => !('fixed' in liar),
    () => delete liar.fixed,
  ];
  for (const attempt of attempts) {
    let lied = false;
    try {
      lied = attempt();
    } catch (error) {
      // the engine insists
    }
    if (lied) api.access.deny('server_error', 'ESCAPED: a proxy could lie');
  }
};
