// expect: refused
// A generator that delegates to itself.
function* again() {
  yield* again();
}

exports.onExecuteCredentialsExchange = async () => again().next();
