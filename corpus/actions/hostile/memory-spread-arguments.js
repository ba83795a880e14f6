// expect: refused
// Passes a hundred million arguments to a function.
exports.onExecuteCredentialsExchange = async () => Math.max(...new Array(1e8));
