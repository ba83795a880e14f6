// expect: refused
// Copies an enormous range of a sparse array within itself.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 4294967295;
  for (;;) list.copyWithin(0, 1);
};
