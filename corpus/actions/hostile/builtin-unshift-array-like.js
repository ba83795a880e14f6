// expect: refused
// Array.prototype.unshift on an object with an enormous length.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.prototype.unshift.call({ length: 2 ** 53 - 2 }, 'first');
};
