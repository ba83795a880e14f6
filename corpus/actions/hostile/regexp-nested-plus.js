// expect: refused
// Nested quantifiers over a text that fits only nearly.
exports.onExecuteCredentialsExchange = async () => /^(a+)+$/.test(`${'a'.repeat(60)}b`);
