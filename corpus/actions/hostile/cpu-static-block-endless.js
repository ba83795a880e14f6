// expect: refused
// A class whose static initialiser never ends, run while the module loads.
class Config {
  static {
    let n = 0;
    while (n >= 0) n = (n + 1) % 1000;
  }
}

exports.onExecuteCredentialsExchange = async () => Config;
