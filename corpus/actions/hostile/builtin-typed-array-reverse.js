// expect: refused
// Reverses and copies a large typed array without end.
exports.onExecuteCredentialsExchange = async () => {
  const bytes = new Uint8Array(2 ** 22);
  for (;;) bytes.reverse().copyWithin(1, 0).toReversed();
};
