// expect: refused
// The exported handler is a getter that never returns.
Object.defineProperty(exports, 'onExecuteCredentialsExchange', {
  get() {
    for (;;);
  },
});
