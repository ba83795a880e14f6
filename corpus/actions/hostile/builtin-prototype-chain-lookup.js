// expect: refused
// Looks for what is not there along a very long prototype chain.
exports.onExecuteCredentialsExchange = async () => {
  let object = {};
  for (let i = 0; i < 50000; i++) object = Object.create(object);
  for (;;) object.missing;
};
