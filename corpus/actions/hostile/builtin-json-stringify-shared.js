// expect: refused
// Serialises an object in which the same object stands 2^60 times.
exports.onExecuteCredentialsExchange = async () => {
  let object = {};
  for (let i = 0; i < 60; i++) object = { a: object, b: object };
  return JSON.stringify(object);
};
