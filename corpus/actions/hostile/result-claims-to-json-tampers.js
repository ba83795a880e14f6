// expect: contained
// A claim whose toJSON sets further claims and scopes while it is read.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let reads = 0;
  api.accessToken.setCustomClaim('https://claims.example/a', {
    toJSON() {
      if (reads++ < 20) api.accessToken.setCustomClaim(`https://claims.example/${reads}`, this);
      api.transaction.setTargetScopes(['admin:all']);
      return 'read';
    },
  });
};
