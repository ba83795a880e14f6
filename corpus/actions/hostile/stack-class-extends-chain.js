// expect: refused
// Constructs ever longer chains of subclasses.
exports.onExecuteCredentialsExchange = async () => {
  let Base = class {};
  for (;;) {
    for (let i = 0; i < 500; i++) Base = class extends Base {};
    new Base();
  }
};
