// expect: refused
// Denies with a reason whose conversion tampers with the same function.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', {
    toString() {
      api.access.deny = () => {};
      api.transaction.clearTargetScopes();
      return 'no';
    },
  });
};
