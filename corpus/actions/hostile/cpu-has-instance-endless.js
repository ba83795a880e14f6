// expect: refused
// An instanceof test whose own hook never returns.
class Never {
  static [Symbol.hasInstance]() {
    for (;;);
  }
}

exports.onExecuteCredentialsExchange = async (event) => event instanceof Never;
