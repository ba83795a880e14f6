// expect: refused
// Closes the braces around the module and opens a block.
}
exports.onExecuteCredentialsExchange = async () => {};
{
