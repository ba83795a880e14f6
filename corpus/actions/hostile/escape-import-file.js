// expect: contained
// Dynamic import of files and of code in a URL.
const names = [
  '/etc/passwd',
  './module.js',
  '../../../../etc/hostname',
  '/proc/self/environ',
  'file:///etc/passwd',
  'data:text/javascript,export default 42',
  'https://example.com/module.js',
  'onExecuteCredentialsExchange.js',
  '<eval>',
  '<input>',
  '',
];

exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const name of names) {
    let module;
    try {
      module = await import(name);
    } catch (error) {
      if (/root:|PATH=/.test(String(error.message))) module = error;
      else continue;
    }
    if (module) api.access.deny('server_error', `ESCAPED: import of ${name}`);
  }
};
