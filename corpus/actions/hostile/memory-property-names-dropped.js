// expect: refused
// Distinct property names on objects that are thrown away at once.
exports.onExecuteCredentialsExchange = async () => {
  for (let i = 0; ; i++) ({ [`property_${i}_${Math.random()}`]: i });
};
