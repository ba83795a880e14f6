// expect: refused
// Joins an object that says it has 2^53 - 1 elements.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.prototype.join.call({ length: 2 ** 53 - 1 }, '');
};
