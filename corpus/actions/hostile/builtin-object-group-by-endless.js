// expect: refused
// Object.groupBy of an iterator that never ends.
exports.onExecuteCredentialsExchange = async () => {
  const endless = { [Symbol.iterator]: () => ({ next: () => ({ value: 1 }) }) };
  return Object.groupBy(endless, () => 'group');
};
