// expect: refused
// Filters with a callback that is itself built in.
exports.onExecuteCredentialsExchange = async () => {
  const list = new Array(2e6).fill(0);
  for (;;) list.filter(Boolean);
};
