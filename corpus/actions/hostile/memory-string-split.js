// expect: refused
// Splits a long string into single characters.
exports.onExecuteCredentialsExchange = async () => {
  const parts = [];
  for (;;) parts.push('ab'.repeat(2 ** 22).split(''));
};
