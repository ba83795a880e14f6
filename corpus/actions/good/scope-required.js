// Refuses scopes that the client's tier does not include.
const ALLOWED = { free: ['read:things'], paid: ['read:things', 'write:things'] };

exports.onExecuteCredentialsExchange = async (event, api) => {
  const allowed = ALLOWED[event.client.metadata.tier] ?? ALLOWED.free;
  const beyond = event.transaction.requested_scopes.filter((scope) => !allowed.includes(scope));
  if (beyond.length > 0) {
    return api.access.deny('invalid_scope', `Not included in your plan: ${beyond.join(' ')}`);
  }
};
