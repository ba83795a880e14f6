// expect: refused
// Array.prototype.with on a sparse array.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 4294967295;
  for (;;) list.with(0, 1);
};
