// expect: refused
// A handler that is not async returns a promise that nobody settles.
exports.onExecuteCredentialsExchange = () => new Promise(() => {});
