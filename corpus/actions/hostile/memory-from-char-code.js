// expect: refused
// Builds long strings by passing many character codes at once.
exports.onExecuteCredentialsExchange = async () => {
  const codes = new Array(60000).fill(65);
  let text = '';
  for (;;) text += String.fromCharCode(...codes);
};
