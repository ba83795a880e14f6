// expect: refused
// An error whose accessors are at the prototype and throw.
class Odd extends Error {
  get message() {
    throw new Error('message');
  }
  get name() {
    throw new Error('name');
  }
  get stack() {
    throw new Error('stack');
  }
  toString() {
    throw new Error('toString');
  }
}

exports.onExecuteCredentialsExchange = async () => {
  throw new Odd();
};
