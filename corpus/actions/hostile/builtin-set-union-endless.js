// expect: refused
// Set.prototype.union with something that only looks like a set.
exports.onExecuteCredentialsExchange = async () => {
  const fake = { size: 1, has: () => true, keys: () => ({ next: Object }) };
  return new Set([1]).union(fake);
};
