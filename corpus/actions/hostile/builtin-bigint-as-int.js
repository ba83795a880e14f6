// expect: refused
// Cuts integers to a million bits over and over.
exports.onExecuteCredentialsExchange = async () => {
  const n = 1n << 1000000n;
  for (;;) BigInt.asIntN(999999, n) + BigInt.asUintN(999999, -n);
};
