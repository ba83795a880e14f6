// expect: refused
// A default value that calls its own function.
const again = (x = again()) => x;

exports.onExecuteCredentialsExchange = async () => again();
