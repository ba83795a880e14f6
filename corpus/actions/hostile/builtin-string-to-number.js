// expect: refused
// Reads a number from a very long text.
exports.onExecuteCredentialsExchange = async () => {
  const digits = `1.${'3'.repeat(4000000)}`;
  for (;;) Number(digits) + parseFloat(digits) + parseInt(digits.slice(2), 7);
};
