// The caller proves that it knows a second secret by a MAC over its client id and a nonce.
const { createHash, createHmac, timingSafeEqual } = require('crypto');

const digest = (text) => createHash('sha256').update(text).digest();

exports.onExecuteCredentialsExchange = async (event, api) => {
  const { nonce, mac } = event.request.body;
  if (!nonce || !mac) return api.access.deny('invalid_request', 'nonce and mac are required');

  const expected = createHmac('sha256', event.secrets.MAC_KEY)
    .update(`${event.client.client_id}.${nonce}`)
    .digest('hex');
  if (!timingSafeEqual(digest(expected), digest(mac))) {
    return api.access.deny('invalid_request', 'mac does not fit');
  }
};
