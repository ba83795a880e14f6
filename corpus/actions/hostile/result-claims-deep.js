// expect: refused
// A claim that is nested very deeply.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let claim = 1;
  for (let i = 0; i < 50000; i++) claim = [claim];
  api.accessToken.setCustomClaim('https://claims.example/deep', claim);
};
