// expect: refused
// Replaces the methods of arrays with which a denial may be recorded.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const name of ['push', 'concat', 'slice', 'map', 'join', 'forEach', Symbol.iterator]) {
    try {
      Array.prototype[name] = function () {
        return [];
      };
      Object.defineProperty(Array.prototype, name, { value: () => [] });
    } catch (error) {
      // frozen
    }
  }
  api.access.deny('invalid_request', 'no');
};
