// expect: refused
// A string that doubles by template literals.
exports.onExecuteCredentialsExchange = async () => {
  let text = 'x';
  for (;;) text = `${text}${text}`;
};
