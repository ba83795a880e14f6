// expect: contained
// Replaces the species of built-in classes.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const Kind of [Array, Promise, Map, RegExp, ArrayBuffer]) {
    try {
      Object.defineProperty(Kind, Symbol.species, { value: Object });
    } catch (error) {
      // frozen
    }
  }
  if (!Array.isArray([1].map((x) => x))) api.access.deny('server_error', 'ESCAPED: species');
};
