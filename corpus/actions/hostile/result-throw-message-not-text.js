// expect: refused
// Throws an error whose message is no text.
exports.onExecuteCredentialsExchange = async () => {
  const error = new Error('no');
  Object.defineProperty(error, 'message', { value: { toString: () => ({}) } });
  Object.defineProperty(error, 'stack', { value: Symbol('stack') });
  throw error;
};
