// expect: refused
// Nested counted quantifiers.
exports.onExecuteCredentialsExchange = async () => {
  return /^(?:(?:a{1,30}){1,30}){1,30}$/.test(`${'a'.repeat(100)}b`);
};
