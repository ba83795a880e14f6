// expect: refused
// Denies, and tries to undo it from microtasks that outlive the handler.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no');
  Promise.resolve()
    .then(() => {
      api.access.deny = () => {};
      return api.accessToken.setCustomClaim('https://claims.example/late', true);
    })
    .then(() => api.transaction.setTargetScopes(event.transaction.requested_scopes));
};
