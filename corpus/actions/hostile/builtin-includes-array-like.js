// expect: refused
// Array.prototype.includes on an object with an enormous length.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);
};
