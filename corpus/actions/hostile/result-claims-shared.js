// expect: refused
// A claim in which the same object stands 2^40 times.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let claim = { x: 'x' };
  for (let i = 0; i < 40; i++) claim = { a: claim, b: claim };
  api.accessToken.setCustomClaim('https://claims.example/shared', claim);
};
