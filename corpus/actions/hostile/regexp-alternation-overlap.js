// expect: refused
// Alternatives of different lengths that fit the same text.
exports.onExecuteCredentialsExchange = async () => /^(?:a|aa|aaa)+$/.test(`${'a'.repeat(120)}b`);
