// expect: refused
// Millions of distinct property names, each of which the engine interns.
exports.onExecuteCredentialsExchange = async () => {
  const object = {};
  for (let i = 0; ; i++) object[`property_${i}`] = i;
};
