// expect: refused
// Backtracking without regard to case.
exports.onExecuteCredentialsExchange = async () => /^(?:[a-z]+)+$/i.test(`${'aA'.repeat(40)}1`);
