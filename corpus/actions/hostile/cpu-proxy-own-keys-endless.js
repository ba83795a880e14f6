// expect: refused
// Lists the keys of a proxy whose trap never returns.
exports.onExecuteCredentialsExchange = async () => {
  const slow = new Proxy({}, { ownKeys() { for (;;); } });
  for (const key in slow) return key;
};
