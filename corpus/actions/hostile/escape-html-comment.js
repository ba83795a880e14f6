// expect: contained
// Comments in the style of HTML, which sloppy scripts still know.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let n = 1;
  n = 2; <!-- n = 3;
  if (n !== 2) api.access.deny('server_error', 'ESCAPED: two readings of one source');
};
