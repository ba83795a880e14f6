// What each partner gets, put together from defaults and exceptions.
const DEFAULTS = { limit: 100, features: ['search'], contact: null };
const PARTNERS = {
  acme: { limit: 1000, features: ['export'] },
  globex: { contact: { name: 'Globex Desk', phone: '+1 555 0100' } },
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  const { partner, ...rest } = event.client.metadata;
  if (!Object.hasOwn(PARTNERS, partner ?? '')) return;
  const { features = [], ...own } = PARTNERS[partner];
  api.accessToken.setCustomClaim('https://claims.example/partner', {
    ...DEFAULTS,
    ...own,
    features: [...DEFAULTS.features, ...features],
    extra: Object.keys(rest),
  });
};
