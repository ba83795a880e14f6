// expect: refused
// Consumes a generator that never ends.
function* naturals() {
  for (let i = 0; ; i++) yield i;
}

exports.onExecuteCredentialsExchange = async () => {
  let sum = 0;
  for (const n of naturals()) sum += n;
  return sum;
};
