// expect: refused
// Backtracking over property classes.
exports.onExecuteCredentialsExchange = async () => /^(\p{L}+\p{M}*)+$/u.test(`${'a'.repeat(60)}!`);
