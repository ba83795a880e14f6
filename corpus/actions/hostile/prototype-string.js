// expect: contained
// Replaces methods of strings, on which checks of addresses and scopes rely.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const name of ['split', 'trim', 'startsWith', 'includes', 'toLowerCase', 'replace']) {
    try {
      String.prototype[name] = () => ['203.0.113.7'];
      Object.defineProperty(String.prototype, name, { value: () => ['203.0.113.7'] });
    } catch (error) {
      // frozen
    }
  }
  if (Array.isArray('a'.trim()) || 'a'.split(',').length !== 1 || 'a'.includes('b')) {
    api.access.deny('server_error', 'ESCAPED: String.prototype');
  }
};
