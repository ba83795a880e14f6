// expect: refused
// Each microtask starts the next; the handler waits for the last.
exports.onExecuteCredentialsExchange = () => {
  return new Promise(() => {
    const next = () => Promise.resolve().then(next);
    next();
  });
};
