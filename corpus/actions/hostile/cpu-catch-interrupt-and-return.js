// expect: refused
// Swallows the interruption and then finishes as if nothing had happened.
exports.onExecuteCredentialsExchange = async () => {
  try {
    for (;;);
  } catch (error) {
    // too late already
  }
  return 'done';
};
