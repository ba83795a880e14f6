// expect: contained
// Leaves a mark on exports and module.
const found = exports.leftBehind ?? module.leftBehind ?? module.exports.leftBehind;
exports.leftBehind = 'marker';
module.leftBehind = 'marker';

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found !== undefined) api.access.deny('server_error', 'ESCAPED: exports of an earlier run');
};
