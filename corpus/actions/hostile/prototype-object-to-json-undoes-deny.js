// expect: refused
// A toJSON at Object.prototype that shall replace the answer.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no');
  const toJSON = () => ({ answer: 'allowed', denied: null, claims: {} });
  for (const prototype of [Object.prototype, Array.prototype, String.prototype]) {
    try {
      prototype.toJSON = toJSON;
      Object.defineProperty(prototype, 'toJSON', { value: toJSON });
    } catch (error) {
      // frozen
    }
  }
};
