// expect: contained
// The exported handler is a getter that answers differently each time.
let reads = 0;
Object.defineProperty(exports, 'onExecuteCredentialsExchange', {
  get: () => (reads++ === 0 ? async () => {} : 'no function any more'),
});
