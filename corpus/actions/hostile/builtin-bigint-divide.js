// expect: refused
// Divides integers of a million bits.
exports.onExecuteCredentialsExchange = async () => {
  const n = (1n << 1000000n) - 1n;
  const m = (1n << 500000n) - 3n;
  for (;;) (n / m) * (n % m);
};
