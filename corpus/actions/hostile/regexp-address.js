// expect: refused
// A wrong expression for an IP address, as people write it.
exports.onExecuteCredentialsExchange = async () => {
  return /^(([0-9]+)*\.?)*$/.test(`${'1'.repeat(60)}x`);
};
