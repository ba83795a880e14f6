// expect: refused
// Encodes a long string for a URI.
exports.onExecuteCredentialsExchange = async () => {
  const text = '\u20ac'.repeat(200000);
  for (;;) decodeURIComponent(encodeURIComponent(text));
};
