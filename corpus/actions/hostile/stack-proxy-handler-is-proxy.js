// expect: refused
// A proxy whose handler is a proxy with that handler again.
exports.onExecuteCredentialsExchange = async () => {
  const handler = {};
  const proxy = new Proxy({}, new Proxy(handler, { get: () => () => proxy.value }));
  return proxy.value;
};
