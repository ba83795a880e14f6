// expect: refused
// Raises integers to large powers that still fit.
exports.onExecuteCredentialsExchange = async () => {
  for (let i = 0n; ; i++) (3n + (i % 7n)) ** 300000n;
};
