// expect: contained
// Claims whose names are no texts, empty, or very long.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const names = [
    undefined, null, 0, NaN, true, {}, [], Symbol('name'), () => 'name', 1n, '', ' ', '\u0000',
    '\ud800', '0', '-1', 'a"b', 'a\\', '\u2028', 'n'.repeat(100000), new Proxy({}, {}),
  ];
  for (const name of names) {
    try {
      api.accessToken.setCustomClaim(name, 'value');
    } catch (error) {
      // refused
    }
  }
};
