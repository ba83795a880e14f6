// Refuses callers on private addresses, which must not reach this server.
const ipaddr = require('ipaddr.js');

exports.onExecuteCredentialsExchange = async (event, api) => {
  const range = ipaddr.parse(event.request.ip).range();
  if (range === 'private' || range === 'loopback' || range === 'uniqueLocal') {
    api.access.deny('invalid_request', `No ${range} addresses, please.`);
  }
};
