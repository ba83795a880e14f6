// expect: refused
// Inserts an element before 2^53 - 2 others.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.prototype.splice.call({ length: 2 ** 53 - 2 }, 0, 0, 'first');
};
