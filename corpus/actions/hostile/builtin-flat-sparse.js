// expect: refused
// Flattens a sparse array of the greatest length.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 4294967295;
  for (;;) list.flat();
};
