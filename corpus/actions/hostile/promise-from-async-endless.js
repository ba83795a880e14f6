// expect: refused
// Array.fromAsync of an asynchronous iterator that never ends.
exports.onExecuteCredentialsExchange = () => {
  const endless = { [Symbol.asyncIterator]: () => ({ next: async () => ({ value: 1 }) }) };
  return Array.fromAsync(endless);
};
