// expect: refused
// Serialises a text that grows sixfold by escaping.
exports.onExecuteCredentialsExchange = async () => {
  let text = '\u0000';
  for (;;) text = JSON.stringify(text + text);
};
