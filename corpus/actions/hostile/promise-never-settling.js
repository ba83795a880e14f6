// expect: refused
// Awaits a promise that nobody settles.
exports.onExecuteCredentialsExchange = async () => {
  await new Promise(() => {});
};
