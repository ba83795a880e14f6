// expect: refused
// Asks a long chain of proxies over and over whether a property is there.
exports.onExecuteCredentialsExchange = async () => {
  let target = {};
  for (let i = 0; i < 200; i++) target = new Proxy(target, {});
  for (;;) {
    if ('missing' in target) return;
  }
};
