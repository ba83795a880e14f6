// expect: refused
// Array.prototype.toLocaleString of a sparse array.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 4294967295;
  for (;;) list.toLocaleString();
};
