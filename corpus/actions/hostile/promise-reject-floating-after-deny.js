// expect: refused
// Denies and leaves rejections behind.
exports.onExecuteCredentialsExchange = (event, api) => {
  api.access.deny('invalid_request', 'no');
  Promise.reject(new Error('left behind'));
  return undefined;
};
