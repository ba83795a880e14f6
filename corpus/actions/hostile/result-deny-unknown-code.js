// expect: refused
// Denies with a code that does not exist.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('everything_is_fine', 'no');
};
