// expect: refused
// Sorts a large typed array without end.
exports.onExecuteCredentialsExchange = async () => {
  const numbers = new Float64Array(2 ** 20);
  for (;;) {
    for (let i = 0; i < numbers.length; i += 97) numbers[i] = (i * 7919) % 104729;
    numbers.sort();
  }
};
