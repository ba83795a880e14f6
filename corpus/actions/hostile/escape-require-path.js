// expect: contained
// Paths, and paths hidden in names that do exist.
const names = [
  '/etc/passwd', './index.js', '../secret.js', '../../../../../etc/passwd', '.', '..', '/',
  'crypto/../fs', 'ipaddr.js/../../fs', 'keyward/ip/../../fs', 'keyward/../fs', 'keyward/ip/..',
  'crypto\u0000fs', 'fs\u0000crypto', 'keyward/ip\u0000.js', 'CRYPTO/../fs', 'file:///etc/passwd',
  'keyward', 'keyward/', 'keyward/internal', 'keyward/host', 'keyward/store', '%2e%2e/fs',
];

exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const name of names) {
    let module;
    try {
      module = require(name);
    } catch (error) {
      continue;
    }
    if (module) api.access.deny('server_error', `ESCAPED: require of ${JSON.stringify(name)}`);
  }
};
