// expect: contained
// A claim that is nested as deeply as some readers cannot take.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let claim = 1;
  for (let i = 0; i < 600; i++) claim = { a: claim };
  api.accessToken.setCustomClaim('https://claims.example/deep', claim);
};
