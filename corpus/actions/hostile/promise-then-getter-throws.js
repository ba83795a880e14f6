// expect: refused
// Looking for a then method throws.
exports.onExecuteCredentialsExchange = async () => ({
  get then() {
    throw new Error('no then for you');
  },
});
