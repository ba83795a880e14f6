// expect: refused
// Normalises a long string of combining characters.
exports.onExecuteCredentialsExchange = async () => {
  const text = 'a' + '\u0323\u0307'.repeat(200000);
  for (;;) text.normalize('NFC') + text.normalize('NFKD');
};
