// expect: refused
// Denies through the bare function, without its object.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const { deny } = api.access;
  api.access.deny = () => {};
  deny('invalid_request', 'no');
};
