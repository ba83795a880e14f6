// expect: contained
// Returns an object that contains itself.
exports.onExecuteCredentialsExchange = async () => {
  const object = { toJSON: undefined };
  object.self = object;
  return object;
};
