// expect: refused
// An async generator is interrupted; its caller swallows that.
async function* spin() {
  for (;;);
}

exports.onExecuteCredentialsExchange = async () => {
  await spin()
    .next()
    .catch(() => 'done');
};
