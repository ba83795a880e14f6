// expect: contained
// Leaves marks on require.
const found = require.leftBehind;
Reflect.defineProperty(require, 'leftBehind', { value: 'marker' });
if (require.cache) Reflect.defineProperty(require.cache, 'leftBehind', { value: 'marker' });

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found !== undefined) api.access.deny('server_error', 'ESCAPED: a mark of an earlier run');
};
