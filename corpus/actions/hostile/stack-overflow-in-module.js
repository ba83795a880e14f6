// expect: refused
// Overflows the stack while the module loads.
(function again() {
  again();
})();

exports.onExecuteCredentialsExchange = async () => {};
