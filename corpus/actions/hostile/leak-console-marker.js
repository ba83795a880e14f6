// expect: contained
// Leaves marks on the console and replaces its functions.
const found = console.leftBehind ?? console.log.leftBehind;
Reflect.defineProperty(console, 'leftBehind', { value: 'marker' });
Reflect.defineProperty(console.log, 'leftBehind', { value: 'marker' });

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found !== undefined) api.access.deny('server_error', 'ESCAPED: a mark of an earlier run');
};
