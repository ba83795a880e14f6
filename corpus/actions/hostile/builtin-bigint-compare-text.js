// expect: refused
// Compares a long text with an integer, which parses the text each time.
exports.onExecuteCredentialsExchange = async () => {
  const digits = '7'.repeat(300000);
  for (;;) 7n < digits;
};
