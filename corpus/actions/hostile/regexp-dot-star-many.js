// expect: refused
// Many greedy parts, one after the other.
exports.onExecuteCredentialsExchange = async () => {
  return /^(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)z$/.test('x'.repeat(200));
};
