// Keeps the result of a calculation and asks for it again.
const LIFETIME_MS = 10 * 60 * 1000;

const remembered = (api, key, calculate) => {
  const record = api.cache.get(key);
  if (record && record.value) return JSON.parse(record.value);
  const result = calculate();
  api.cache.set(key, JSON.stringify(result), { expires_at: Date.now() + LIFETIME_MS });
  return result;
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  let calculated = 0;
  const limits = () => {
    calculated += 1;
    return { perMinute: 60, burst: 10 };
  };
  const first = remembered(api, 'limits', limits);
  const second = remembered(api, 'limits', limits);
  api.cache.delete('limits');
  api.accessToken.setCustomClaim('https://claims.example/limits', {
    ...first,
    same: first.burst === second.burst,
    calculated,
    gone: api.cache.get('limits') === undefined,
  });
};
