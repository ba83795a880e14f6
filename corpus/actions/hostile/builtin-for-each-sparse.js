// expect: refused
// Array.prototype.forEach, whose callback is never called.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 4294967295;
  for (;;) list.forEach(() => {});
};
