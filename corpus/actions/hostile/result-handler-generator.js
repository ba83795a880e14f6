// expect: contained
// The handler is a generator function, whose body nobody runs.
exports.onExecuteCredentialsExchange = function* () {
  yield 1;
  for (;;);
};
