// expect: refused
// Converts an ever deeper array to a string.
exports.onExecuteCredentialsExchange = async () => {
  let nest = [1];
  for (;;) {
    for (let i = 0; i < 1000; i++) nest = [nest];
    String(nest);
  }
};
