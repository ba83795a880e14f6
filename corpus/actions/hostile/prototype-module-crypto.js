// expect: contained
// Replaces functions of the crypto module for whoever requires it next.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const crypto = require('crypto');
  for (const name of ['createHash', 'createHmac', 'randomUUID', 'timingSafeEqual']) {
    try {
      crypto[name] = () => 'polluted';
      Object.defineProperty(crypto, name, { value: () => 'polluted' });
      Object.getPrototypeOf(crypto.createHash('sha256')).digest = () => 'polluted';
    } catch (error) {
      // frozen
    }
  }
};
