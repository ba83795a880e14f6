// expect: contained
// A claim whose property is small when measured and large when written.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let reads = 0;
  api.accessToken.setCustomClaim('https://claims.example/a', {
    get value() {
      return reads++ === 0 ? 'small' : 'x'.repeat(1000000);
    },
  });
};
