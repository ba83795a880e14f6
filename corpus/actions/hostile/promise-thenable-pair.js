// expect: refused
// Two thenables that resolve with each other.
exports.onExecuteCredentialsExchange = async () => {
  const ping = { then: (resolve) => resolve(pong) };
  const pong = { then: (resolve) => resolve(ping) };
  await ping;
};
