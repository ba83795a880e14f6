// expect: refused
// Fills an array of a thousand million elements.
exports.onExecuteCredentialsExchange = async () => new Array(1e9).fill(0).length;
