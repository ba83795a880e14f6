// expect: refused
// Denies with a symbol as the reason.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', Symbol('no'));
};
