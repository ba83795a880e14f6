// expect: refused
// A function that applies itself.
function again(...args) {
  return again.apply(this, args);
}

exports.onExecuteCredentialsExchange = async () => again(1, 2, 3);
