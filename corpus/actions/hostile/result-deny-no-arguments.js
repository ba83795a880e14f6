// expect: refused
// Denies without a code.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny();
};
