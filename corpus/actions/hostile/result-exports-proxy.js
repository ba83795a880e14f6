// expect: contained
// The exports are a proxy that has everything.
module.exports = new Proxy({}, {
  get: (target, key) => (key === 'then' ? (resolve) => resolve() : async () => {}),
  has: () => true,
  ownKeys: () => ['onExecuteCredentialsExchange'],
});
