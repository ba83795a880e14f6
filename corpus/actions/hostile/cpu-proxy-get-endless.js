// expect: refused
// Reads a property of a proxy whose trap never returns.
exports.onExecuteCredentialsExchange = async () => {
  const slow = new Proxy({}, { get() { for (;;); } });
  return slow.value;
};
