// expect: refused
// Copies an enormous range of an object within itself.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 0, 1);
};
