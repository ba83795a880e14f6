// expect: refused
// Closes the function around the module and assigns another to an index of it.
exports.onExecuteCredentialsExchange = async () => {};
}[globalThis] = function (exports, require, module) {
  exports.onExecuteCredentialsExchange = async () => {};
