// expect: refused
// Parses ever deeper nested JSON until something gives way.
exports.onExecuteCredentialsExchange = async () => {
  for (let depth = 1000; ; depth *= 2) {
    JSON.parse('['.repeat(depth) + ']'.repeat(depth));
  }
};
