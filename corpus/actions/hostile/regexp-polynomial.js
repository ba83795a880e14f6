// expect: refused
// A chain of greedy parts over a long text.
exports.onExecuteCredentialsExchange = async () => /a*a*a*a*a*a*a*b/.test('a'.repeat(5000));
