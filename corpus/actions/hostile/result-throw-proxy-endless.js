// expect: refused
// Throws a proxy whose traps never return.
exports.onExecuteCredentialsExchange = async () => {
  const never = () => {
    for (;;);
  };
  throw new Proxy({}, { get: never, has: never, getPrototypeOf: never, ownKeys: never });
};
