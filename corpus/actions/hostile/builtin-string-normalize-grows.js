// expect: refused
// Normalises a character that becomes eighteen.
exports.onExecuteCredentialsExchange = async () => {
  let text = '\ufdfa'.repeat(1000);
  for (;;) text += text.normalize('NFKD') + text;
};
