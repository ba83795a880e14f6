// expect: refused
// The failure of a dynamic import is not caught.
exports.onExecuteCredentialsExchange = async () => {
  await import('node:fs');
};
