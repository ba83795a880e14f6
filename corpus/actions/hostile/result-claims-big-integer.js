// expect: contained
// A big integer as a claim, which JSON cannot hold.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.accessToken.setCustomClaim('https://claims.example/n', 2n ** 100n);
};
