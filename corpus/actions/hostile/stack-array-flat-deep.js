// expect: refused
// Flattens an ever deeper array.
exports.onExecuteCredentialsExchange = async () => {
  let nest = [1];
  for (;;) {
    for (let i = 0; i < 1000; i++) nest = [nest];
    nest.flat(Infinity);
  }
};
