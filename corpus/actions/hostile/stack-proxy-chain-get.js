// expect: refused
// Reads through ever longer chains of proxies.
exports.onExecuteCredentialsExchange = async () => {
  let target = {};
  for (;;) {
    for (let i = 0; i < 1000; i++) target = new Proxy(target, {});
    target.value;
  }
};
