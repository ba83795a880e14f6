// expect: contained
// Reserved names in disguises that a check may overlook.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const names = [
    'SUB',
    ' sub',
    'sub\u0000',
    's\u0075b',
    'scope ',
    '\ufeffexp',
    'https://auth0.com/sub',
    'https://sub.webtask.io/x',
    'urn:auth0:sub',
  ];
  for (const name of names) {
    try {
      api.accessToken.setCustomClaim(name, 'admin');
    } catch (error) {
      // refused
    }
  }
};
