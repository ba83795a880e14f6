// expect: refused
// Adds scopes without end.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (let i = 0; ; i++) api.transaction.addTargetScope(`scope:${i}`);
};
