// expect: refused
// A toJSON method that serialises itself.
exports.onExecuteCredentialsExchange = async () => {
  const object = {
    toJSON() {
      return JSON.stringify(this);
    },
  };
  return JSON.stringify(object);
};
