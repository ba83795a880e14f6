// expect: refused
// Trims a long string of nothing but spaces.
exports.onExecuteCredentialsExchange = async () => {
  const text = `x${' '.repeat(4000000)}x`;
  for (;;) text.trim().slice(1, -1).trim();
};
