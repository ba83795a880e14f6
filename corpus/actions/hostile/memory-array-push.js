// expect: refused
// An array that grows without end.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  for (;;) list.push(list.length);
};
