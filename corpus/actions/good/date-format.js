// Writes a date from the metadata in the form another system wants.
const two = (n) => String(n).padStart(2, '0');

const format = (date) => {
  const day = [date.getUTCFullYear(), two(date.getUTCMonth() + 1), two(date.getUTCDate())];
  const time = [two(date.getUTCHours()), two(date.getUTCMinutes())];
  return `${day.join('-')} ${time.join(':')}`;
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  const since = new Date(event.client.metadata.since ?? 0);
  if (Number.isNaN(since.getTime())) {
    return api.access.deny('server_error', 'since is not a date');
  }
  api.accessToken.setCustomClaim('https://claims.example/since', format(since));
  api.accessToken.setCustomClaim('https://claims.example/day', since.getUTCDay());
};
