// expect: contained
// A changed ipaddr.js must not change what keyward/ip accepts.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const loose = require('ipaddr.js');
  const strict = require('keyward/ip');
  for (const name of ['isValid', 'parse', 'process', 'parseCIDR']) {
    try {
      loose[name] = () => true;
      Object.defineProperty(loose, name, { value: () => true });
    } catch (error) {
      // frozen
    }
  }
  let accepted = false;
  try {
    accepted = strict.isValid('nonsense') || strict.contains('10.0.0.0/8', 'nonsense');
  } catch (error) {
    // refused
  }
  if (accepted) api.access.deny('server_error', 'ESCAPED: keyward/ip follows ipaddr.js');
};
