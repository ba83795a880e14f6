// expect: refused
// Replaces the empty string everywhere in a string that grows with it.
exports.onExecuteCredentialsExchange = async () => {
  let text = 'x';
  for (;;) text = text.replaceAll('', '--');
};
