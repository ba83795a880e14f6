// expect: refused
// A constructor that constructs itself by Reflect.construct.
function Again() {
  return Reflect.construct(Again, [], Again);
}

exports.onExecuteCredentialsExchange = async () => new Again();
