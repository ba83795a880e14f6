// expect: refused
// An array that doubles by spreading itself.
exports.onExecuteCredentialsExchange = async () => {
  let list = [1];
  for (;;) list = [...list, ...list];
};
