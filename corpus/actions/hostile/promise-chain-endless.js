// expect: refused
// Lengthens a chain of promises without end.
exports.onExecuteCredentialsExchange = async () => {
  let promise = Promise.resolve();
  for (;;) promise = promise.then(() => promise);
};
