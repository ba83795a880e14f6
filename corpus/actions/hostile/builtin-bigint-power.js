// expect: refused
// Raises an integer to an enormous power.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) 3n ** 5000000n;
};
