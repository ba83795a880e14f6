// expect: refused
// Waits for an asynchronous iterator that never answers.
exports.onExecuteCredentialsExchange = async () => {
  const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
  for await (const value of silent) return value;
};
