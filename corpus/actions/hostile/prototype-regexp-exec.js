// expect: contained
// Replaces RegExp.prototype.exec and its relatives.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const name of ['exec', 'test', Symbol.replace, Symbol.match, Symbol.split]) {
    try {
      RegExp.prototype[name] = () => true;
      Object.defineProperty(RegExp.prototype, name, { value: () => true });
    } catch (error) {
      // frozen
    }
  }
  if (/a/.test('b') || 'b'.replace(/a/, 'c') !== 'b') {
    api.access.deny('server_error', 'ESCAPED: RegExp.prototype');
  }
};
