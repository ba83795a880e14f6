// expect: contained
// Errors that host functions throw, as a way to the host's own realm.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const attempts = [
    () => require('no such module'),
    () => require('keyward/ip').parse('nonsense'),
    () => require('ipaddr.js').parse('nonsense'),
    () => require('crypto').createHash('nonsense'),
    () => JSON.parse('nonsense'),
  ];
  for (const attempt of attempts) {
    try {
      attempt();
    } catch (error) {
      if (!(error instanceof Error) || error.constructor.constructor !== Function) {
        api.access.deny('server_error', 'ESCAPED: an error of another realm');
      }
    }
  }
};
