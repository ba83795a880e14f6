// expect: contained
// Scopes that hide others behind spaces, quotes and line ends.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const odd = [
    'read:things admin:all',
    ' admin:all',
    'read:things\tadmin:all',
    'read:things\nadmin:all',
    'read:things","admin:all',
    'read:things\u0000admin:all',
    'read:things\u00a0admin:all',
    'READ:THINGS',
    '',
    ' ',
    '__proto__',
  ];
  for (const scope of odd) {
    try {
      api.transaction.addTargetScope(scope);
    } catch (error) {
      // refused
    }
  }
};
