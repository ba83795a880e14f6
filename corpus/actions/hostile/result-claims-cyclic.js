// expect: refused
// A claim that contains itself.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const claim = { a: [] };
  claim.a.push(claim);
  api.accessToken.setCustomClaim('https://claims.example/cyclic', claim);
};
