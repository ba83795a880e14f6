// expect: refused
// Opens a template literal that swallows what follows the module.
exports.onExecuteCredentialsExchange = async () => {};
const rest = `from here on everything is text
