// expect: refused
// Property names of a million characters each.
exports.onExecuteCredentialsExchange = async () => {
  const object = {};
  for (let i = 0; ; i++) object['k'.repeat(1e6) + i] = i;
};
