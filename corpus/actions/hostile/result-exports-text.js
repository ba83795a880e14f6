// expect: refused
// The exported handler is a text.
exports.onExecuteCredentialsExchange = 'async () => {}';
