// expect: refused
// Denies with a code that is not a text.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny({ code: 'invalid_request' }, ['no']);
};
