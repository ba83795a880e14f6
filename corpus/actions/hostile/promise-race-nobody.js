// expect: refused
// A race without contenders never ends.
exports.onExecuteCredentialsExchange = () => Promise.race([]);
