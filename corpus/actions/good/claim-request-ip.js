// Writes the address of the caller into the token.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.accessToken.setCustomClaim('https://claims.example/request-ip', event.request.ip);
};
