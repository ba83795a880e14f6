// expect: refused
// Lists the keys of a typed array of sixteen million elements.
exports.onExecuteCredentialsExchange = async () => {
  const bytes = new Uint8Array(2 ** 24);
  for (;;) Object.keys(bytes);
};
