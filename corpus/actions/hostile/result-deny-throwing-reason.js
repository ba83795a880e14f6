// expect: refused
// Denies with a reason that throws when it is read.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', {
    toString() {
      throw new Error('unreadable');
    },
  });
};
