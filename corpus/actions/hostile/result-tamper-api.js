// expect: contained
// Redefines, freezes and re-parents the api object.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const attempts = [
    () => Object.defineProperty(api, 'access', { value: {} }),
    () => Object.defineProperty(api.accessToken, 'setCustomClaim', { get: () => null }),
    () => Object.setPrototypeOf(api, new Proxy({}, {})),
    () => Object.freeze(api.transaction),
    () => Object.preventExtensions(api.cache),
    () => (api.accessToken.customClaims = { admin: true }),
    () => (api.accessToken.claims = { sub: 'admin' }),
    () => (api.result = { allowed: true }),
    () => api.__defineGetter__('access', () => undefined),
  ];
  for (const attempt of attempts) {
    try {
      attempt();
    } catch (error) {
      // frozen
    }
  }
};
