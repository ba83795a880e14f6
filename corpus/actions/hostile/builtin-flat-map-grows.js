// expect: refused
// Array.prototype.flatMap whose callback answers with long lists.
exports.onExecuteCredentialsExchange = async () => {
  let list = [1];
  for (;;) list = list.flatMap((x) => new Array(1000).fill(x));
};
