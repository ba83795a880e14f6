// expect: refused
// Shifts an integer by an enormous number of bits.
exports.onExecuteCredentialsExchange = async () => {
  for (let bits = 1n << 10n; ; bits *= 2n) 1n << bits;
};
