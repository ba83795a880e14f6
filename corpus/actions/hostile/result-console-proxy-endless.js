// expect: contained
// A proxy in the log whose traps never return.
exports.onExecuteCredentialsExchange = async () => {
  console.log(new Proxy({}, { get() { for (;;); }, ownKeys() { for (;;); } }));
};
