// expect: refused
// A claim that is short as a text and more than 100 KB as JSON.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.accessToken.setCustomClaim('https://claims.example/large', '\u0001'.repeat(90000));
};
