// expect: contained
// Returns a proxy whose traps throw, except that it is no thenable.
exports.onExecuteCredentialsExchange = async () => {
  const boom = () => {
    throw new Error('trap');
  };
  return new Proxy({}, { get: (target, key) => (key === 'then' ? undefined : boom()), has: boom });
};
