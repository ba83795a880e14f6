// expect: refused
// Removes the first element of a sparse array, which moves all others.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) {
    const list = [1, 2, 3];
    list.length = 4294967295;
    list.splice(0, 1);
  }
};
