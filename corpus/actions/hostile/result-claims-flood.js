// expect: refused
// Sets different claims without end.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (let i = 0; ; i++) api.accessToken.setCustomClaim(`https://claims.example/${i}`, i);
};
