// expect: refused
// Array.from an object that says it is long.
exports.onExecuteCredentialsExchange = async () => Array.from({ length: 4294967295 });
