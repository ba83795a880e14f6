// expect: refused
// Sorts a large typed array with a built-in function as comparator.
exports.onExecuteCredentialsExchange = async () => {
  const numbers = new Float64Array(2 ** 20).fill(1);
  for (;;) numbers.sort(Math.max);
};
