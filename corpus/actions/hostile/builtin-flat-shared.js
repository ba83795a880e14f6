// expect: refused
// Flattens an array in which the same empty array stands 2^60 times.
exports.onExecuteCredentialsExchange = async () => {
  let list = [];
  for (let i = 0; i < 60; i++) list = [list, list];
  return list.flat(Infinity);
};
