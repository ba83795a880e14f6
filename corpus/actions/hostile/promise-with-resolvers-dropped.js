// expect: refused
// Waits for a promise whose resolvers were thrown away.
exports.onExecuteCredentialsExchange = async () => {
  const { promise } = Promise.withResolvers();
  await promise;
};
