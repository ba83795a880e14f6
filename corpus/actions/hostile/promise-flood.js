// expect: refused
// Makes promises with reactions without end.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Promise.resolve().then(() => {});
};
