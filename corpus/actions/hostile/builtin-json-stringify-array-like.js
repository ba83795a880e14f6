// expect: refused
// Serialises a proxy that says it is an array of enormous length.
exports.onExecuteCredentialsExchange = async () => {
  const list = new Proxy([], { get: (t, key) => (key === 'length' ? 2 ** 53 - 1 : 0) });
  return JSON.stringify(list);
};
