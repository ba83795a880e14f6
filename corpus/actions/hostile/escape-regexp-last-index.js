// expect: contained
// Last indices far outside of the text.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const indices = [-1, 2 ** 31, 2 ** 32, 2 ** 53, Infinity, -Infinity, NaN, '3', 1.9];
  for (const flags of ['g', 'y', 'gu', 'yi']) {
    for (const index of indices) {
      const expression = new RegExp('[^]', flags);
      expression.lastIndex = index;
      const match = expression.exec('abc');
      if (match && !'abc'.includes(match[0])) {
        api.access.deny('server_error', 'ESCAPED: matched past the text');
      }
    }
  }
};
