// expect: refused
// Array.prototype.reduceRight over an enormous length of nothing.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.prototype.reduceRight.call({ length: 2 ** 53 - 1 }, (a) => a, 0);
};
