// expect: refused
// Rejects without a reason.
exports.onExecuteCredentialsExchange = () => Promise.reject();
