// expect: refused
// Spreads a sparse array.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 4294967295;
  return [...list].length;
};
