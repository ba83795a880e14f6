// expect: refused
// Fills an object with an enormous length.
exports.onExecuteCredentialsExchange = async () => {
  return Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 0);
};
