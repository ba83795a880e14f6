// expect: refused
// Expressions with ever more alternatives.
exports.onExecuteCredentialsExchange = async () => {
  for (let count = 1000; ; count *= 2) {
    const text = Array.from({ length: count }, (x, i) => `word${i}`).join('|');
    new RegExp(`^(?:${text})*$`, 'i').test('word1word2x');
  }
};
