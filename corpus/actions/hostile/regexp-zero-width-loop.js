// expect: refused
// The exec loop that forgets to move on after an empty match.
exports.onExecuteCredentialsExchange = async () => {
  const expression = /x*/g;
  const found = [];
  let match;
  while ((match = expression.exec('abc')) !== null) {
    found[0] = match.index;
  }
};
