// Refuses requests from some continents; a request of unknown origin passes.
const REFUSED = ['AN', 'OC'];

exports.onExecuteCredentialsExchange = async (event, api) => {
  const { continentCode } = event.request.geoip;
  if (continentCode && REFUSED.includes(continentCode)) {
    api.access.deny('invalid_request', `Requests from ${continentCode} are not accepted.`);
  }
};
