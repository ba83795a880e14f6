// expect: refused
// Claims of more than 100 KB altogether.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (let i = 0; i < 20; i++) {
    api.accessToken.setCustomClaim(`https://claims.example/${i}`, 'x'.repeat(10000));
  }
};
