// expect: refused
// Rejects and then tries to resolve after all.
exports.onExecuteCredentialsExchange = () => {
  return new Promise((resolve, reject) => {
    reject(new Error('no'));
    resolve('yes');
    resolve({ then: (r) => r('yes') });
  });
};
