// expect: contained
// Values that throw when they are turned into text.
exports.onExecuteCredentialsExchange = async () => {
  const boom = () => {
    throw new Error('boom');
  };
  const values = [
    { toString: boom },
    { [Symbol.toPrimitive]: boom },
    { toJSON: boom },
    { get a() { return boom(); } },
    { inspect: boom, [Symbol.for('nodejs.util.inspect.custom')]: boom },
    new Proxy({}, { get: boom, ownKeys: boom, getPrototypeOf: boom }),
    new Proxy([], { get: boom }),
    Object.create(null),
    Symbol('x'),
    1n,
    new (class extends Error {
      get message() {
        return boom();
      }
    })(),
  ];
  for (const value of values) {
    try {
      console.log(value);
      console.error('text', value);
    } catch (error) {
      // thrown back at the script
    }
  }
};
