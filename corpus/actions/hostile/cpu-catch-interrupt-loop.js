// expect: refused
// Swallows every error, the interruption too, and goes on.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) {
    try {
      for (;;);
    } catch (error) {
      // go on
    }
  }
};
