// expect: refused
// Writes one line of a hundred megabytes to the log.
exports.onExecuteCredentialsExchange = async () => {
  console.log('x'.repeat(100 * 1024 * 1024));
};
