// expect: refused
// Nested lazy quantifiers.
exports.onExecuteCredentialsExchange = async () => /^(a+?)+?$/.test(`${'a'.repeat(60)}b`);
