// expect: refused
// Asks for two gigabytes as numbers at once.
exports.onExecuteCredentialsExchange = async () => new Float64Array(2 ** 28).length;
