// expect: contained
// Replaces the search functions of arrays, on which allowlists rely.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const name of ['includes', 'indexOf', 'some', 'find']) {
    try {
      Array.prototype[name] = () => true;
      Object.defineProperty(Array.prototype, name, { value: () => true });
    } catch (error) {
      // frozen
    }
  }
  if ([].includes('x') || [].some(Boolean)) {
    api.access.deny('server_error', 'ESCAPED: Array.prototype');
  }
};
