// expect: refused
// A trap that asks for the keys of its own proxy.
exports.onExecuteCredentialsExchange = async () => {
  const proxy = new Proxy({}, { ownKeys: () => Reflect.ownKeys(proxy) });
  return Object.keys(proxy);
};
