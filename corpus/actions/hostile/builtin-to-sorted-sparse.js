// expect: refused
// Array.prototype.toSorted on a sparse array.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 4294967295;
  for (;;) list.toSorted();
};
