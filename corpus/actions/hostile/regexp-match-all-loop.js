// expect: refused
// Walks through the matches of a long text without end.
exports.onExecuteCredentialsExchange = async () => {
  const text = 'ab'.repeat(100000);
  for (;;) {
    for (const match of text.matchAll(/(a)(b)?/g)) match.index;
  }
};
