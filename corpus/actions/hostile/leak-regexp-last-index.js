// expect: contained
// Leaves the last index of a literal behind.
const literal = () => /a/g;
const found = literal().lastIndex;
literal().test('aaa');
const same = literal() === literal();

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found !== 0 || same) api.access.deny('server_error', 'ESCAPED: a literal of an earlier run');
};
