// expect: refused
// Backtracking inside a lookahead.
exports.onExecuteCredentialsExchange = async () => /^(?=(?:a+)+b)a/.test('a'.repeat(60));
