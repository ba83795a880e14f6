// expect: refused
// Array.prototype.toSpliced on a sparse array.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 4294967294;
  for (;;) list.toSpliced(0, 0, 'first');
};
