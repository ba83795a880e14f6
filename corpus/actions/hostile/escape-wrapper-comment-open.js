// expect: refused
// Opens a comment that swallows what follows the module.
exports.onExecuteCredentialsExchange = async () => {};
/* from here on nothing is code
