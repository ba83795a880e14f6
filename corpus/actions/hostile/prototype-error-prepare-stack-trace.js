// expect: refused
// A stack trace hook that shall turn a failure into something else.
exports.onExecuteCredentialsExchange = async () => {
  try {
    Error.prepareStackTrace = () => {
      throw null;
    };
  } catch (error) {
    // frozen
  }
  throw new Error('no');
};
