// expect: contained
// Comparators that contradict themselves and answer with odd values.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let state = 1;
  const random = () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state - 1073741824;
  };
  const comparators = [
    random,
    () => NaN,
    () => Infinity,
    () => -1,
    () => ({ valueOf: random }),
    (a, b) => (a < b ? 1 : 1),
    () => 1n,
    () => 'x',
  ];
  for (const compare of comparators) {
    const list = Array.from({ length: 500 }, (x, i) => i);
    try {
      list.sort(compare);
    } catch (error) {
      continue;
    }
    const sum = list.reduce((a, b) => a + b, 0);
    if (list.length !== 500 || sum !== 124750) {
      api.access.deny('server_error', 'ESCAPED: sorting invented elements');
    }
  }
};
