// expect: contained
// Returns a symbol, which cannot be turned into anything.
exports.onExecuteCredentialsExchange = () => Symbol('odd');
