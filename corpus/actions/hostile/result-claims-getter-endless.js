// expect: contained
// A claim with a property whose getter never returns.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.accessToken.setCustomClaim('https://claims.example/a', {
    get value() {
      for (;;);
    },
  });
};
