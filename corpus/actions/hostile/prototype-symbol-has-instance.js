// expect: contained
// Replaces the instanceof test of built-in classes.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const Kind of [Error, Array, Promise, Map, Object, Uint8Array]) {
    try {
      Object.defineProperty(Kind, Symbol.hasInstance, { value: () => true });
    } catch (error) {
      // frozen
    }
  }
  if (1 instanceof Error || 'x' instanceof Promise) {
    api.access.deny('server_error', 'ESCAPED: Symbol.hasInstance');
  }
};
