// expect: refused
// A promise that is resolved with itself.
exports.onExecuteCredentialsExchange = async () => {
  let resolve;
  const promise = new Promise((r) => {
    resolve = r;
  });
  resolve(promise);
  await promise;
};
