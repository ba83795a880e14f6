// expect: refused
// An endless loop whose body is empty, so that only the jump back can be interrupted.
exports.onExecuteCredentialsExchange = async () => {
  for (;;);
};
