// expect: refused
// The interruption of a promise executor comes back as a rejection and is swallowed.
exports.onExecuteCredentialsExchange = () => {
  return new Promise(() => {
    for (;;);
  }).catch(() => 'done');
};
