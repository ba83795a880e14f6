// expect: contained
// Line separators inside of strings and comments, where readers disagree.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const text = '\u2028' + '\u2029';
  if (JSON.parse(JSON.stringify(text)) !== text) {
    api.access.deny('server_error', 'ESCAPED: line separators are changed');
  }
  api.accessToken.setCustomClaim('https://claims.example/separators', text);
};
