// expect: refused
// A stack trace hook that never returns.
exports.onExecuteCredentialsExchange = async () => {
  try {
    Error.prepareStackTrace = () => {
      for (;;);
    };
  } catch (error) {
    // frozen
  }
  throw new Error('no');
};
