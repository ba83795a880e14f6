// expect: refused
// Asks for buffers of a megabyte without end.
exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  for (;;) kept.push(new ArrayBuffer(2 ** 20));
};
