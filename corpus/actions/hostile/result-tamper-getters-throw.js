// expect: contained
// Puts getters that throw onto everything that the host may read afterwards.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const trap = {
    configurable: true,
    get() {
      throw new Error('trap');
    },
  };
  const { access, accessToken, transaction } = api;
  for (const object of [api, access, accessToken, transaction, event, module, exports]) {
    for (const key of [...Reflect.ownKeys(object), 'toJSON', 'then', 'result', 'claims']) {
      try {
        Object.defineProperty(object, key, trap);
      } catch (error) {
        // frozen
      }
    }
  }
};
