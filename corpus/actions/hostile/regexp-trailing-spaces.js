// expect: refused
// Trims a very long text by an expression of quadratic cost.
exports.onExecuteCredentialsExchange = async () => `${' '.repeat(2000000)}x`.replace(/\s+$/, '');
