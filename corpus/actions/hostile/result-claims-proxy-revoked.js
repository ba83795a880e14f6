// expect: contained
// A proxy as a claim that is revoked after it was set.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const { proxy, revoke } = Proxy.revocable({ a: 1 }, {});
  api.accessToken.setCustomClaim('https://claims.example/a', proxy);
  revoke();
};
