// The country of the caller, or a word that says it is not known.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const country = event.request.geoip?.countryCode ?? 'unknown';
  const city = event.request.geoip?.cityName?.trim() || null;
  api.accessToken.setCustomClaim('https://claims.example/place', { country, city });
};
