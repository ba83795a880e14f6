// expect: refused
// Denies with codes that do not exist and swallows the errors.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const code of ['access_denied', '', undefined, null, 403, {}, Symbol('invalid_request')]) {
    try {
      api.access.deny(code, 'no');
    } catch (error) {
      // the answer is no all the same
    }
  }
};
