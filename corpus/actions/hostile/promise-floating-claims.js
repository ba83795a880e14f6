// expect: contained
// Sets claims and scopes from a microtask that outlives the handler.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const later = async () => {
    for (let i = 0; i < 1000; i++) {
      await null;
      api.accessToken.setCustomClaim('https://claims.example/late', i);
    }
  };
  later();
};
