// expect: refused
// Joins large typed arrays.
exports.onExecuteCredentialsExchange = async () => {
  const bytes = new Uint8Array(2 ** 22);
  for (;;) bytes.join('');
};
