// expect: refused
// Asks a callback about every hole of a sparse array.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 4294967295;
  return list.find((x) => x === 1) ?? list.findLast((x) => x === 1);
};
