// expect: contained
// What Node keeps at require and module: caches, loaders, parents.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const attempts = [
    () => require.main.require('fs'),
    () => require.extensions['.js'](module, '/etc/passwd'),
    () => module.constructor._load('fs'),
    () => module.constructor.prototype.require('fs'),
    () => module.parent.require('fs'),
    () => module.require('fs'),
    () => module.children[0].require('fs'),
    () => require.resolve('fs') && require(require.resolve('fs')),
    () => Object.values(require.cache)[0].constructor._load('fs'),
    () => require.call({ root: '/' }, '/etc/passwd'),
    () => new require('fs'),
  ];
  for (const attempt of attempts) {
    let found;
    try {
      found = attempt();
    } catch (error) {
      continue;
    }
    if (found && typeof found.readFileSync === 'function') {
      api.access.deny('server_error', 'ESCAPED: a loader');
    }
  }
};
