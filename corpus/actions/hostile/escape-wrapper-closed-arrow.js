// expect: refused
// Closes an arrow function around the module with a new expression behind it.
exports.onExecuteCredentialsExchange = async () => {};
}, (exports, require, module) => {
  exports.onExecuteCredentialsExchange = async () => {};
