// expect: refused
// Array.prototype.every, whose callback is never called.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.prototype.every.call({ length: 2 ** 53 - 1 }, () => true);
};
