// expect: refused
// Backtracking inside a negative lookahead.
exports.onExecuteCredentialsExchange = async () => /^(?!(?:a+)+b)c/.test('a'.repeat(60));
