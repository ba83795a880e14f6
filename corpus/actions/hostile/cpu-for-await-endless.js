// expect: refused
// Awaits an asynchronous generator that never ends.
async function* naturals() {
  for (let i = 0; ; i++) yield i;
}

exports.onExecuteCredentialsExchange = async () => {
  let sum = 0;
  for await (const n of naturals()) sum += n;
  return sum;
};
