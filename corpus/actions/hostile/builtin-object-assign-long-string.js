// expect: refused
// Copies long strings into objects character by character.
exports.onExecuteCredentialsExchange = async () => {
  const text = 'x'.repeat(2 ** 22);
  for (;;) Object.assign({}, text);
};
