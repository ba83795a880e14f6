// expect: refused
// Two functions that call each other.
const even = (n) => odd(n + 1) + 1;
const odd = (n) => even(n + 1) + 1;

exports.onExecuteCredentialsExchange = async () => even(0);
