// expect: contained
// A rejected promise that is returned without its then and constructor.
exports.onExecuteCredentialsExchange = () => {
  const promise = Promise.reject(new Error('no'));
  promise.catch(() => {});
  promise.then = undefined;
  Object.defineProperty(promise, 'constructor', { value: undefined });
  return promise;
};
