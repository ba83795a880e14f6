// expect: refused
// Expressions with ever more groups.
exports.onExecuteCredentialsExchange = async () => {
  for (let count = 100; ; count *= 2) new RegExp('(a)?'.repeat(count)).exec('a');
};
