// expect: refused
// Writes an integer of a million bits in decimal.
exports.onExecuteCredentialsExchange = async () => {
  const n = 2n ** 1000000n;
  for (;;) n.toString();
};
