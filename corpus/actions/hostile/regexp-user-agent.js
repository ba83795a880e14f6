// expect: refused
// A wrong expression for a user agent, as people write it.
exports.onExecuteCredentialsExchange = async () => {
  return /^(([\w.-]+\/?)+ ?)+$/.test(`${'curl/8'.repeat(20)}\n!`);
};
