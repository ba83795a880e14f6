// expect: refused
// Compiles ever deeper nested groups.
exports.onExecuteCredentialsExchange = async () => {
  for (let depth = 1000; ; depth *= 2) {
    new RegExp('(?:'.repeat(depth) + 'a' + ')'.repeat(depth));
  }
};
