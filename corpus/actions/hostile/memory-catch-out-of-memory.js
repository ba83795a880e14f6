// expect: contained
// Runs out of memory, catches that, and counts how much it was given.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const kept = [];
  try {
    while (kept.length < 4096) kept.push(new Uint8Array(2 ** 20).fill(1));
  } catch (error) {
    // the limit is reached
  }
  const mebibytes = kept.length;
  kept.length = 0;
  if (mebibytes > 64) api.access.deny('server_error', `ESCAPED: held ${mebibytes} MiB`);
};
