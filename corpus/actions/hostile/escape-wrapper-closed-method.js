// expect: refused
// Closes a method around the module and opens another one.
exports.onExecuteCredentialsExchange = async () => {};
}, other(exports, require, module) {
  exports.onExecuteCredentialsExchange = async () => {};
