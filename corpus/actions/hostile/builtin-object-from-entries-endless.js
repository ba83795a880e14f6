// expect: refused
// Object.fromEntries of an iterator that never ends.
exports.onExecuteCredentialsExchange = async () => {
  const endless = { [Symbol.iterator]: () => ({ next: () => ({ value: ['k', 1] }) }) };
  return Object.fromEntries(endless);
};
