// expect: refused
// Cuts negative integers to an enormous number of bits.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) BigInt.asUintN(2 ** 53 - 1, -1n);
};
