// expect: contained
// Reads what the engine remembers of the last match of an earlier run.
const found = [RegExp.$1, RegExp.lastMatch, RegExp.input, RegExp.leftContext];
/(marker)/.exec('left marker behind');

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found.some(Boolean)) api.access.deny('server_error', 'ESCAPED: a match of an earlier run');
};
