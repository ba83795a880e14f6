// expect: refused
// One claim of more than 100 KB.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.accessToken.setCustomClaim('https://claims.example/large', 'x'.repeat(200000));
};
