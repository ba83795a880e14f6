// A client works only between two dates in its metadata.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const { valid_from: from, valid_until: until } = event.client.metadata;
  const now = Date.now();
  if (from && now < Date.parse(from)) {
    return api.access.deny('invalid_request', `Not before ${new Date(from).toISOString()}`);
  }
  if (until && now >= new Date(until).getTime()) {
    return api.access.deny('invalid_request', `Not after ${new Date(until).toISOString()}`);
  }
};
