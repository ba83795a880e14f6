// expect: refused
// An error whose message is the text of the same error.
exports.onExecuteCredentialsExchange = async () => {
  const error = new Error('start');
  Object.defineProperty(error, 'message', { get: () => String(error) });
  return String(error);
};
