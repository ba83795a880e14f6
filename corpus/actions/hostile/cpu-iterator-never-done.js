// expect: refused
// An iterator of its own that never says it is done.
exports.onExecuteCredentialsExchange = async () => {
  const endless = { [Symbol.iterator]: () => ({ next: () => ({ value: 1 }) }) };
  let sum = 0;
  for (const n of endless) sum += n;
  return sum;
};
