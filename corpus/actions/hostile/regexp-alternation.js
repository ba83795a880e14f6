// expect: refused
// Two alternatives that fit the same text.
exports.onExecuteCredentialsExchange = async () => /^(a|a)*$/.test(`${'a'.repeat(60)}b`);
