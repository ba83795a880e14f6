// expect: refused
// A claim that is a sparse array of the greatest length.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const claim = [];
  claim.length = 4294967295;
  api.accessToken.setCustomClaim('https://claims.example/sparse', claim);
};
