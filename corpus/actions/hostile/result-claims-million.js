// expect: contained
// Sets the same claim a million times.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (let i = 0; i < 1000000; i++) api.accessToken.setCustomClaim('https://claims.example/n', i);
};
