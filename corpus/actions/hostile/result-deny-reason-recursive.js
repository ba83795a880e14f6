// expect: refused
// Denies with a reason whose conversion denies again.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const reason = {
    toString() {
      api.access.deny('invalid_request', reason);
      return 'no';
    },
  };
  api.access.deny('invalid_request', reason);
};
