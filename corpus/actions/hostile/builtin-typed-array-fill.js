// expect: refused
// Fills a large typed array without end.
exports.onExecuteCredentialsExchange = async () => {
  const bytes = new Uint8Array(2 ** 23);
  for (let i = 0; ; i++) bytes.fill(i & 255);
};
