// expect: refused
// Looking for a then method never returns.
exports.onExecuteCredentialsExchange = async () => ({
  get then() {
    for (;;);
  },
});
