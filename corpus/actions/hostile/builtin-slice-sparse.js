// expect: refused
// Copies a sparse array with slice.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 4294967295;
  for (;;) list.slice(1);
};
