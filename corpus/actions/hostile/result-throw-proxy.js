// expect: refused
// Throws a proxy whose traps all throw.
exports.onExecuteCredentialsExchange = async () => {
  const boom = () => {
    throw new Error('trap');
  };
  throw new Proxy(new Error('no'), { get: boom, has: boom, getPrototypeOf: boom, ownKeys: boom });
};
