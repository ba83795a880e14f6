// expect: refused
// Throws an object whose message, name and stack throw.
exports.onExecuteCredentialsExchange = async () => {
  throw {
    get message() {
      throw new Error('message');
    },
    get name() {
      throw this;
    },
    get stack() {
      throw null;
    },
    toString() {
      throw undefined;
    },
  };
};
