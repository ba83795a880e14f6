// A pseudonym for the client that other systems can compute as well.
const crypto = require('crypto');

exports.onExecuteCredentialsExchange = async (event, api) => {
  const mac = crypto.createHmac('sha256', event.secrets.PSEUDONYM_KEY);
  mac.update(event.client.client_id);
  const pseudonym = mac.digest('hex').slice(0, 24);
  api.accessToken.setCustomClaim('https://claims.example/pseudonym', pseudonym);
};
