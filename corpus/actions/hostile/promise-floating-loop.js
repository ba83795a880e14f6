// expect: contained
// The handler is done, but leaves an endless chain of microtasks behind.
exports.onExecuteCredentialsExchange = async () => {
  const next = () => Promise.resolve().then(next);
  next();
};
