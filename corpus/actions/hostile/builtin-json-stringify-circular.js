// expect: refused
// Serialises an object that contains itself.
exports.onExecuteCredentialsExchange = async () => {
  const object = { inner: {} };
  object.inner.outer = object;
  return JSON.stringify(object);
};
