// expect: refused
// Pads strings to several megabytes over and over.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) 'x'.padStart(2 ** 22, 'yz');
};
