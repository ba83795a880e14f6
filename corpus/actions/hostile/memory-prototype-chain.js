// expect: refused
// A prototype chain without end.
exports.onExecuteCredentialsExchange = async () => {
  let object = {};
  for (;;) object = Object.create(object);
};
