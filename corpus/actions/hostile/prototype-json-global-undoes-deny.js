// expect: refused
// Replaces the global JSON object as a whole.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no');
  const fake = {
    stringify: () => '{"answer":"allowed","denied":null,"claims":{},"ok":true}',
    parse: () => ({}),
  };
  try {
    globalThis.JSON = fake;
    JSON = fake;
    Object.defineProperty(globalThis, 'JSON', { value: fake });
  } catch (error) {
    // frozen
  }
};
