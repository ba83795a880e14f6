// expect: refused
// Denies and then replaces the function.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no');
  api.access.deny = () => {};
  api.access = {};
  delete api.access;
};
