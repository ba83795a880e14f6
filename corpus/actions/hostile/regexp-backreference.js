// expect: refused
// A backreference below a nested quantifier.
exports.onExecuteCredentialsExchange = async () => /^((a*)\2)*$/.test(`${'a'.repeat(80)}b`);
