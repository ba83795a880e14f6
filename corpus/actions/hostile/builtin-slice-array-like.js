// expect: refused
// Copies an object with an enormous length by slice.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.prototype.slice.call({ length: 2 ** 32 - 1 }, 0);
};
