// expect: refused
// A calculation that doubles with each step.
const fibonacci = (n) => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2));

exports.onExecuteCredentialsExchange = async () => fibonacci(80);
