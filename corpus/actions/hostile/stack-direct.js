// expect: refused
// A function that calls itself.
const again = (n) => again(n + 1) + 1;

exports.onExecuteCredentialsExchange = async () => again(0);
