// A function that chains promises by hand.
var settings = { label: 'chained' };

function load() {
  return Promise.resolve(settings);
}

exports.onExecuteCredentialsExchange = function (event, api) {
  return load()
    .then(function (loaded) {
      if (event.client.metadata.fail === 'yes') throw new Error('could not load');
      return loaded.label.toUpperCase();
    })
    .then(function (label) {
      api.accessToken.setCustomClaim('https://claims.example/label', label);
    })
    .catch(function (error) {
      console.error(error);
      api.access.deny('server_error', 'Settings are not available.');
    });
};
