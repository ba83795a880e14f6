// expect: contained
// Looks for names of files and folders of the host in errors and stack traces.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const texts = [new Error('here').stack];
  const attempts = [
    () => null.property,
    () => require('no such module'),
    () => require('keyward/ip').parse('nonsense'),
    () => JSON.parse('{'),
  ];
  for (const attempt of attempts) {
    try {
      attempt();
    } catch (error) {
      texts.push(`${error.message} ${error.stack} ${error.fileName}`);
    }
  }
  if (/\/(home|root|src|usr|tmp|var|build)\/|\.rs\b|\.cargo/.test(texts.join(' '))) {
    api.access.deny('server_error', 'ESCAPED: a path of the host');
  }
};
