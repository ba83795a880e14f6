// expect: refused
// Promise.all of an iterator that never ends.
exports.onExecuteCredentialsExchange = () => {
  return Promise.all({ [Symbol.iterator]: () => ({ next: () => ({ value: 1 }) }) });
};
