// expect: refused
// A proxy that lists ever more keys.
exports.onExecuteCredentialsExchange = async () => {
  let count = 1000;
  const proxy = new Proxy({}, {
    ownKeys() {
      count *= 2;
      return Array.from({ length: count }, (x, i) => `k${i}`);
    },
  });
  for (;;) Object.keys(proxy);
};
