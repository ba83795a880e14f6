// expect: refused
// Denies and then never returns.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no');
  for (;;);
};
