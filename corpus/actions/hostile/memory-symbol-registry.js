// expect: refused
// Fills the registry of shared symbols, which may outlive a run.
exports.onExecuteCredentialsExchange = async () => {
  for (let i = 0; ; i++) Symbol.for('registered '.repeat(10) + i);
};
