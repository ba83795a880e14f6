// expect: refused
// Flattens an array that contains itself.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.push(list, list);
  return list.flat(Infinity);
};
