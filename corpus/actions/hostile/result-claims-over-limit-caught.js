// expect: refused
// Claims of more than 100 KB, whose refusal is swallowed.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (let i = 0; i < 20; i++) {
    try {
      api.accessToken.setCustomClaim(`https://claims.example/${i}`, 'x'.repeat(10000));
    } catch (error) {
      // too large for the token all the same
    }
  }
};
