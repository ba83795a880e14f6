// expect: contained
// Changes a claim after it was set.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const claim = { size: 'small', list: [] };
  api.accessToken.setCustomClaim('https://claims.example/a', claim);
  claim.self = claim;
  claim.size = 'x'.repeat(1000000);
  claim.list.length = 4294967295;
  Object.defineProperty(claim, 'sub', { enumerable: true, get: () => 'admin' });
};
