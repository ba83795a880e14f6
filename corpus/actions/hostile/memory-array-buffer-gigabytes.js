// expect: refused
// Asks for a buffer of four gigabytes at once.
exports.onExecuteCredentialsExchange = async () => new ArrayBuffer(2 ** 32).byteLength;
