// expect: refused
// An object whose prototype is a proxy around that very object.
exports.onExecuteCredentialsExchange = async () => {
  const object = {};
  Object.setPrototypeOf(object, new Proxy(object, {}));
  return object.missing;
};
