// expect: refused
// Reverses 2^53 - 1 elements in place.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.prototype.reverse.call({ length: 2 ** 53 - 1 });
};
