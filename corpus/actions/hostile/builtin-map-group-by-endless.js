// expect: refused
// Map.groupBy of an endless iterator made of built-in functions.
exports.onExecuteCredentialsExchange = async () => {
  return Map.groupBy({ [Symbol.iterator]: () => ({ next: Object }) }, Boolean);
};
