// expect: refused
// A toString method that converts itself to a string.
exports.onExecuteCredentialsExchange = async () => {
  const object = {
    toString() {
      return `${this}`;
    },
  };
  return `${object}`;
};
