// expect: refused
// The name exports is bound to a new object that nobody looks at.
exports = { onExecuteCredentialsExchange: async () => {} };
