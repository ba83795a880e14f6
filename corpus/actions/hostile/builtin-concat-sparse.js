// expect: refused
// Concatenates sparse arrays.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 2147483647;
  for (;;) [].concat(list, list);
};
