// expect: refused
// Pads strings to the greatest length.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) 'x'.padEnd(2 ** 30 - 25, 'yz');
};
