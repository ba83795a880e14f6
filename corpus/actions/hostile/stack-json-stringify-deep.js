// expect: refused
// Serialises an ever deeper array until something gives way.
exports.onExecuteCredentialsExchange = async () => {
  let nest = [];
  for (;;) {
    for (let i = 0; i < 1000; i++) nest = [nest];
    JSON.stringify(nest);
  }
};
