// expect: refused
// A set that grows without end.
exports.onExecuteCredentialsExchange = async () => {
  const set = new Set();
  for (let i = 0; ; i++) set.add(i + 0.5);
};
