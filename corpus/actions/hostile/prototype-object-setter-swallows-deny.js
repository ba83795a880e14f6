// expect: refused
// Setters at Object.prototype that shall swallow what a denial writes.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const names = ['denied', 'deny', 'error', 'code', 'reason', 'description', 'access', 'result'];
  for (const name of names) {
    try {
      Object.defineProperty(Object.prototype, name, { set() {}, get: () => undefined });
    } catch (error) {
      // frozen
    }
  }
  api.access.deny('invalid_request', 'no');
};
