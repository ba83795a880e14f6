// expect: refused
// Searches 2^53 - 1 elements backwards.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1);
};
