// expect: refused
// Swallows the interruption of a match and returns.
exports.onExecuteCredentialsExchange = async () => {
  try {
    /^(a+)+$/.test(`${'a'.repeat(60)}b`);
  } catch (error) {
    // too late already
  }
};
