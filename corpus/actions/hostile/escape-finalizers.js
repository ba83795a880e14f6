// expect: contained
// Runs code from the garbage collector after the handler is done.
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (typeof FinalizationRegistry !== 'function') return;
  const registry = new FinalizationRegistry((held) => {
    api.accessToken.setCustomClaim('https://claims.example/finalised', held);
    for (;;);
  });
  globalThis.kept = registry;
  for (let i = 0; i < 1000; i++) registry.register({ i }, i);
};
