// expect: refused
// A species constructor that answers split with an expression that never moves.
class Stuck extends RegExp {
  exec(text) {
    this.lastIndex = 0;
    return super.exec(text);
  }
  static get [Symbol.species]() {
    return function () {
      return { exec: () => ['x'], set lastIndex(n) {}, get lastIndex() { return 0; } };
    };
  }
}

exports.onExecuteCredentialsExchange = async () => {
  for (;;) new Stuck('x')[Symbol.split]('x'.repeat(3000000));
};
