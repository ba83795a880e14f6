// expect: refused
// The module exports its handler and then throws.
exports.onExecuteCredentialsExchange = async () => {};
throw Object.create(null);
