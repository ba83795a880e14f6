// expect: refused
// An array with elements far from each other.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  for (let i = 0; ; i++) list[(i * 1000003) % 4294967291] = i;
};
