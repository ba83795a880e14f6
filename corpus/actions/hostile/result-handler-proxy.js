// expect: contained
// The handler is a proxy around a function.
exports.onExecuteCredentialsExchange = new Proxy(async () => {}, {
  get: () => undefined,
  apply: async (target, self, args) => args.length,
});
