// expect: refused
// Searches a large typed array for what is not there.
exports.onExecuteCredentialsExchange = async () => {
  const bytes = new Uint8Array(2 ** 23);
  for (;;) bytes.indexOf(1) + bytes.lastIndexOf(1);
};
