// expect: contained
// Returns what could be mistaken for a decision of the host's.
exports.onExecuteCredentialsExchange = () => ({
  error: null,
  deny: false,
  allowed: true,
  scopes: ['admin:all'],
  claims: { sub: 'admin' },
});
