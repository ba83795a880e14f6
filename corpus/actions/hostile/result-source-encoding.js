// expect: contained
// Escapes in names, which say the same as the plain names.
exports['onExecute\u0043redentialsExchange'] = async (\u0065vent, api) => {
  api.\u0061ccessToken.setCustomClaim('https://claims.example/escaped', event.request.ip);
};
