// expect: refused
// Array.prototype.shift on a sparse array.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) {
    const list = [];
    list.length = 4294967295;
    list.shift();
  }
};
