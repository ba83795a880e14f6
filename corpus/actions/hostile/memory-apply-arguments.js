// expect: refused
// Passes an object with an enormous length as a list of arguments.
exports.onExecuteCredentialsExchange = async () => Math.max.apply(null, { length: 2 ** 31 - 1 });
