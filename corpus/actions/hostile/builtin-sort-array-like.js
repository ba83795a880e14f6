// expect: refused
// Sorts an object with an enormous length.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.prototype.sort.call({ length: 2 ** 53 - 1 });
};
