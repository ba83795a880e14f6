// expect: refused
// Adds to a map while it is iterated, so that the iteration never ends.
exports.onExecuteCredentialsExchange = async () => {
  const map = new Map([[0, 0]]);
  for (const [key] of map) map.set(key + 1, key);
};
