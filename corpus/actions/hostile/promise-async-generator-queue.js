// expect: refused
// Queues requests at a busy async generator without end.
async function* slow() {
  await new Promise(() => {});
}

exports.onExecuteCredentialsExchange = async () => {
  const generator = slow();
  for (;;) generator.next();
};
