// A plain function does as well.
exports.onExecuteCredentialsExchange = function (event, api) {
  var parts = event.request.ip.split('.');
  if (parts.length !== 4) {
    return api.access.deny('invalid_request', 'IPv4 only');
  }
  parts.pop();
  api.accessToken.setCustomClaim('https://claims.example/subnet', parts.concat('0').join('.'));
};
