// expect: refused
// Parses ever deeper nested JSON objects until something gives way.
exports.onExecuteCredentialsExchange = async () => {
  for (let depth = 1000; ; depth *= 2) {
    JSON.parse('{"a":'.repeat(depth) + '1' + '}'.repeat(depth));
  }
};
