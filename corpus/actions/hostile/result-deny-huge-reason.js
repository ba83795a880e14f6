// expect: refused
// Denies with a reason of eight megabytes.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'x'.repeat(8 * 1024 * 1024));
};
