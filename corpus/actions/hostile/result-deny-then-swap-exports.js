// expect: refused
// Denies and then exports another handler.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no');
  exports.onExecuteCredentialsExchange = async () => {};
  module.exports = { onExecuteCredentialsExchange: async () => {} };
};
