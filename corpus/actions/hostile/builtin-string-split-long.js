// expect: refused
// Splits a long string by a separator that nearly fits everywhere.
exports.onExecuteCredentialsExchange = async () => {
  const text = 'a'.repeat(500000);
  const separator = `${'a'.repeat(5000)}b`;
  for (;;) text.split(separator);
};
