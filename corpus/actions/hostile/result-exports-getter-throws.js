// expect: refused
// The exported handler is a getter that throws.
Object.defineProperty(exports, 'onExecuteCredentialsExchange', {
  get() {
    throw new Error('no handler');
  },
});
