// expect: refused
// The finally block that follows the interruption loops as well.
exports.onExecuteCredentialsExchange = async () => {
  try {
    for (;;);
  } finally {
    for (;;);
  }
};
