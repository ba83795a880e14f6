// expect: refused
// Throws a thenable that would resolve if anybody awaited it.
exports.onExecuteCredentialsExchange = async () => {
  throw { then: (resolve) => resolve('fine') };
};
