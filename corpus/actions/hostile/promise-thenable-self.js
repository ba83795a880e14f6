// expect: refused
// A thenable that resolves with itself for ever.
exports.onExecuteCredentialsExchange = async () => {
  const thenable = {
    then(resolve) {
      resolve(thenable);
    },
  };
  await thenable;
};
