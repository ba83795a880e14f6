// expect: refused
// Asks for a string of nearly a gigabyte at once.
exports.onExecuteCredentialsExchange = async () => 'x'.repeat(2 ** 30 - 25).length;
