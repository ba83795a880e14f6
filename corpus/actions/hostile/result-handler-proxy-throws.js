// expect: refused
// The handler is a proxy whose apply trap throws.
exports.onExecuteCredentialsExchange = new Proxy(async () => {}, {
  apply() {
    throw new Error('trap');
  },
});
