// expect: refused
// Promise.race of an endless iterator made of built-in functions.
exports.onExecuteCredentialsExchange = () => {
  return Promise.race({ [Symbol.iterator]: () => ({ next: Object }) });
};
