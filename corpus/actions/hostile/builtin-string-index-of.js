// expect: refused
// Searches a long string for one that nearly fits everywhere.
exports.onExecuteCredentialsExchange = async () => {
  const text = 'a'.repeat(1000000);
  const needle = `${'a'.repeat(500000)}b`;
  for (;;) text.indexOf(needle) + text.lastIndexOf(`b${needle}`);
};
