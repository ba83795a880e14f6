// expect: refused
// A trap that reads from its own proxy.
exports.onExecuteCredentialsExchange = async () => {
  const proxy = new Proxy({}, { get: (target, key, receiver) => receiver[key] });
  return proxy.value;
};
