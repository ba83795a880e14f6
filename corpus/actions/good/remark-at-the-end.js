// Ends in a remark, which must not swallow anything of the host.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.accessToken.setCustomClaim('https://claims.example/remark', 'kept'); // set
};
// the end
