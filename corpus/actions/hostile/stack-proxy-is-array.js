// expect: refused
// Asks ever longer chains of proxies whether they are arrays.
exports.onExecuteCredentialsExchange = async () => {
  let target = [];
  for (;;) {
    for (let i = 0; i < 1000; i++) target = new Proxy(target, {});
    Array.isArray(target);
  }
};
