// The caller must name the user on whose behalf it acts.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const user = event.request.body['x-integration-user'];
  if (typeof user !== 'string' || user.length === 0) {
    return api.access.deny('invalid_request', 'The field x-integration-user is missing.');
  }
  if (!/^[a-z][a-z0-9._-]{1,31}$/.test(user)) {
    return api.access.deny('invalid_request', 'The field x-integration-user is not a user name.');
  }
  api.accessToken.setCustomClaim('https://claims.example/user', user);
};
