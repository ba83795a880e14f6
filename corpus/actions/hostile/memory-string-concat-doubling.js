// expect: refused
// A string that doubles by String.prototype.concat.
exports.onExecuteCredentialsExchange = async () => {
  let text = 'x';
  for (;;) text = text.concat(text, text);
};
