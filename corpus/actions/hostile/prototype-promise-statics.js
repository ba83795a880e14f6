// expect: refused
// Replaces Promise.resolve and the constructor so that a rejection gets lost.
exports.onExecuteCredentialsExchange = () => {
  for (const name of ['resolve', 'reject', 'all']) {
    try {
      Promise[name] = () => ({ then: (done) => done() });
    } catch (error) {
      // frozen
    }
  }
  try {
    globalThis.Promise = class {
      then(done) {
        done();
      }
    };
  } catch (error) {
    // frozen
  }
  return (async () => {
    throw new Error('no');
  })();
};
