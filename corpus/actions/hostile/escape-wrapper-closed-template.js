// expect: refused
// Ends a template literal around the source and inserts an expression.
`, ${(exports.onExecuteCredentialsExchange = async () => {})}, `);
