// expect: contained
// Returns from the module before anything is exported.
if (exports) return { onExecuteCredentialsExchange: async () => {} };
