// expect: refused
// Awaits nothing in an endless loop, so that no single step is long.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) await null;
};
