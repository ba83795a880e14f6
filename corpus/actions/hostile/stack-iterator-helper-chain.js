// expect: refused
// Reads from ever longer chains of iterator helpers.
exports.onExecuteCredentialsExchange = async () => {
  const source = function* () {
    for (;;) yield 1;
  };
  let iterator = source();
  for (;;) {
    for (let i = 0; i < 1000; i++) iterator = iterator.map((x) => x);
    iterator.next();
  }
};
