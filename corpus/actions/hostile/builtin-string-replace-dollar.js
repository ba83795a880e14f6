// expect: refused
// Replacement patterns that insert the whole string into itself.
exports.onExecuteCredentialsExchange = async () => {
  let text = 'ab';
  for (;;) text = text.replace('a', "$`$&$'$`$&$'a");
};
