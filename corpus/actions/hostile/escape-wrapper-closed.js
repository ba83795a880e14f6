// expect: refused
// Closes the function around the module and opens another one.
});
globalThis.onExecuteCredentialsExchange = async () => {};
(function (exports, require, module) {
  exports.onExecuteCredentialsExchange = async () => {};
