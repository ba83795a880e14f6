// expect: refused
// A Symbol.toPrimitive method that converts itself.
exports.onExecuteCredentialsExchange = async () => {
  const object = {
    [Symbol.toPrimitive](hint) {
      return hint === 'number' ? +this : `${this}`;
    },
  };
  return Number(object);
};
