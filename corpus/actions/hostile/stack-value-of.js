// expect: refused
// A valueOf method that calculates with itself.
exports.onExecuteCredentialsExchange = async () => {
  const object = {
    valueOf() {
      return this + 1;
    },
  };
  return object + 1;
};
