// expect: refused
// Searches a long text again from every position.
exports.onExecuteCredentialsExchange = async () => {
  const text = 'x'.repeat(200000);
  return /x+x+y/.test(text);
};
