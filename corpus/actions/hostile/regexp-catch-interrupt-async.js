// expect: refused
// Turns the interruption of a match into a rejection and swallows it.
const check = async () => /^(a+)+$/.test(`${'a'.repeat(60)}b`);

exports.onExecuteCredentialsExchange = async () => {
  await check().catch(() => false);
};
