// expect: contained
// A claim whose toJSON never returns.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.accessToken.setCustomClaim('https://claims.example/a', {
    toJSON() {
      for (;;);
    },
  });
};
