// expect: refused
// A replacer that answers every value with a deeper one.
exports.onExecuteCredentialsExchange = async () => JSON.stringify({}, () => ({ deeper: 1 }));
