// expect: refused
// A plain endless loop in the handler.
exports.onExecuteCredentialsExchange = async () => {
  while (true) {
    // nothing
  }
};
