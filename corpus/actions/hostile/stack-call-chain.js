// expect: refused
// Calls Function.prototype.call by itself many times over.
const again = (n) => Function.prototype.call.call(Function.prototype.call, again, null, n + 1);

exports.onExecuteCredentialsExchange = async () => again(0);
