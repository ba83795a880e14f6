// expect: refused
// A string that doubles by String.raw.
exports.onExecuteCredentialsExchange = async () => {
  let text = 'x';
  for (;;) text = String.raw({ raw: [text, text, text] }, text, text);
};
