// expect: refused
// The interruption of a then callback comes back as a rejection and is swallowed.
exports.onExecuteCredentialsExchange = () => {
  return Promise.resolve()
    .then(() => {
      for (;;);
    })
    .catch(() => 'done');
};
