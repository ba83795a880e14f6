// expect: refused
// The exported handler is a class, which cannot be called.
exports.onExecuteCredentialsExchange = class {
  constructor() {
    return Promise.resolve();
  }
};
