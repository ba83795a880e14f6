// expect: refused
// Replaces JSON.stringify so that the answer becomes another one.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no');
  const fake = () => '{"answer":"allowed","denied":null,"claims":{},"ok":true}';
  try {
    JSON.stringify = fake;
    Object.defineProperty(JSON, 'stringify', { value: fake });
  } catch (error) {
    // frozen
  }
};
