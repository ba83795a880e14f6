// expect: contained
// Scopes that are no texts, and lists that are no lists.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const lists = [
    undefined,
    null,
    'admin:all',
    { 0: 'admin:all', length: 1 },
    { length: 2 ** 40 },
    [['admin:all']],
    [{ toString: () => 'admin:all' }],
    [Symbol('admin:all'), 1n, null],
    new Set(['admin:all']),
    new Proxy(['read:things'], { get: (t, key) => (key === 'length' ? 1 : 'admin:all') }),
  ];
  for (const list of lists) {
    try {
      api.transaction.setTargetScopes(list);
    } catch (error) {
      // refused
    }
    try {
      api.transaction.addTargetScope(list);
    } catch (error) {
      // refused
    }
  }
};
