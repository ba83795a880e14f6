// expect: refused
// Multiplies integers of half a million bits.
exports.onExecuteCredentialsExchange = async () => {
  const n = (1n << 500000n) - 1n;
  for (;;) n * n;
};
