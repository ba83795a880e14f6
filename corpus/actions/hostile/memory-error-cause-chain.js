// expect: refused
// Errors that name each other as their cause.
exports.onExecuteCredentialsExchange = async () => {
  let error = null;
  for (;;) error = new Error('link', { cause: error });
};
