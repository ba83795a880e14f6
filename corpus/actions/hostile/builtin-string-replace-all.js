// expect: refused
// Replaces every character of a long string by a long string.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) 'a'.repeat(1e5).replaceAll('a', 'b'.repeat(1e5));
};
