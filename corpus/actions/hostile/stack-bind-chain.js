// expect: refused
// Calls ever longer chains of bound functions.
exports.onExecuteCredentialsExchange = async () => {
  let bound = () => 1;
  for (;;) {
    for (let i = 0; i < 1000; i++) bound = bound.bind(null);
    bound();
  }
};
