// expect: refused
// Map.prototype.forEach over a map to which each call adds.
exports.onExecuteCredentialsExchange = async () => {
  const map = new Map([[0, 0]]);
  map.forEach((value, key) => {
    map.delete(key);
    map.set(key + 1, value);
  });
};
