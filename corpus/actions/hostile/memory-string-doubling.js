// expect: refused
// A string that doubles without end.
exports.onExecuteCredentialsExchange = async () => {
  let text = 'x';
  for (;;) text += text;
};
