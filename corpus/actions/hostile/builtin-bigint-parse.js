// expect: refused
// Reads an integer of three hundred thousand digits.
exports.onExecuteCredentialsExchange = async () => {
  const digits = '9'.repeat(300000);
  for (;;) BigInt(digits);
};
