// expect: refused
// Backtracking inside a lookbehind.
exports.onExecuteCredentialsExchange = async () => /(?<=^(?:a+)+)b/.test(`c${'a'.repeat(60)}b`);
