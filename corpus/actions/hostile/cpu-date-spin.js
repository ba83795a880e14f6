// expect: refused
// Waits for a minute by asking for the time again and again.
exports.onExecuteCredentialsExchange = async () => {
  const end = Date.now() + 60 * 1000;
  while (Date.now() < end) {
    // wait
  }
};
