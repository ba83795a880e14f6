// expect: refused
// Awaits outside of a function.
await new Promise((resolve) => resolve());

exports.onExecuteCredentialsExchange = async () => {};
