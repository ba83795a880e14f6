// expect: contained
// Writes one line of eight megabytes to the log.
exports.onExecuteCredentialsExchange = async () => {
  console.log('x'.repeat(8 * 1024 * 1024));
  console.error({ text: 'x'.repeat(1024 * 1024) });
};
