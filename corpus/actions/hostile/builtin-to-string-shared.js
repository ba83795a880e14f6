// expect: refused
// Converts an array to text in which the same array stands 2^30 times.
exports.onExecuteCredentialsExchange = async () => {
  let list = [''];
  for (let i = 0; i < 30; i++) list = [list, list];
  for (;;) String(list);
};
