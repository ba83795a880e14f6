// expect: refused
// A getter that reads itself.
exports.onExecuteCredentialsExchange = async () => {
  const object = {
    get value() {
      return this.value + 1;
    },
  };
  return object.value;
};
