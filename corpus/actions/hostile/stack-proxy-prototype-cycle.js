// expect: refused
// A proxy whose prototype is itself, so that a look-up never ends.
exports.onExecuteCredentialsExchange = async () => {
  const proxy = new Proxy({}, { getPrototypeOf: () => proxy });
  const object = Object.create(proxy);
  return Array.prototype.isPrototypeOf.call({}, object) || object instanceof Map;
};
