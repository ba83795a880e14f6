// expect: refused
// Replaces until nothing changes, which never comes.
exports.onExecuteCredentialsExchange = async () => {
  let text = 'aaaa';
  for (;;) {
    const next = text.replace(/a/g, 'aa').slice(0, 20000);
    if (next === '') break;
    text = next;
  }
};
