// expect: refused
// Replaces Promise.prototype.then so that a failed handler looks finished.
exports.onExecuteCredentialsExchange = async () => {
  try {
    Promise.prototype.then = function (done) {
      done();
    };
    Object.defineProperty(Promise.prototype, 'then', { value: (done) => done() });
  } catch (error) {
    // frozen
  }
  throw new Error('no');
};
