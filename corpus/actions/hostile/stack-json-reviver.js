// expect: refused
// A reviver that parses again.
exports.onExecuteCredentialsExchange = async () => {
  const revive = () => JSON.parse('[1]', revive);
  return revive();
};
