// expect: refused
// An instanceof test that asks itself.
class Again {
  static [Symbol.hasInstance](value) {
    return value instanceof Again;
  }
}

exports.onExecuteCredentialsExchange = async (event) => event instanceof Again;
