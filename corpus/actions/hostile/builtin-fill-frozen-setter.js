// expect: refused
// Fills an object whose elements swallow everything.
exports.onExecuteCredentialsExchange = async () => {
  const object = new Proxy({}, {
    get: (target, key) => (key === 'length' ? 2 ** 53 - 1 : undefined),
    set: () => true,
  });
  return Array.prototype.fill.call(object, 0);
};
