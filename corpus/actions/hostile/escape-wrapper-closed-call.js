// expect: refused
// Closes the function around the module, calls it, and opens another one.
exports.onExecuteCredentialsExchange = async () => {};
}).call(this, exports, require, module);
(function (exports, require, module, console) {
  exports.onExecuteCredentialsExchange = async () => {};
