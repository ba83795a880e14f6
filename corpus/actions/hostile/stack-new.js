// expect: refused
// A constructor that constructs itself.
class Again {
  constructor() {
    this.inner = new Again();
  }
}

exports.onExecuteCredentialsExchange = async () => new Again();
