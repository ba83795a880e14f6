// expect: refused
// Asks for a typed array of the length of an object.
exports.onExecuteCredentialsExchange = async () => Uint8Array.from({ length: 2 ** 31 - 1 }).length;
