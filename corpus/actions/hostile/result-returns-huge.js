// expect: contained
// Returns a large object, which nobody asked for.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  for (let i = 0; i < 50000; i++) list.push({ i });
  return list;
};
