// expect: refused
// Closes the function around the module, runs something, and opens another.
exports.onExecuteCredentialsExchange = async () => {};
}, globalThis.outside = true, function (exports, require, module) {
  exports.onExecuteCredentialsExchange = async () => {};
