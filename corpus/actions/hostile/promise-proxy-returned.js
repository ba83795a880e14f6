// expect: refused
// A proxy around a promise, whose methods do not know it.
exports.onExecuteCredentialsExchange = async () => new Proxy(Promise.resolve('done'), {});
