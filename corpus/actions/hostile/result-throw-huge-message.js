// expect: refused
// Throws an error with a message of eight megabytes.
exports.onExecuteCredentialsExchange = async () => {
  throw new Error('x'.repeat(8 * 1024 * 1024));
};
