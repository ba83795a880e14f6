// expect: contained
// A claim whose toJSON answers with something enormous.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.accessToken.setCustomClaim('https://claims.example/a', {
    toJSON: () => new Array(1e6).fill('x'.repeat(1000)),
  });
};
