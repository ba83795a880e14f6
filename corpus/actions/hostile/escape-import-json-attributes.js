// expect: contained
// Dynamic import with attributes, which some engines use to read files.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const type of ['json', 'text', 'bytes']) {
    let module;
    try {
      module = await import('/etc/hostname', { with: { type } });
    } catch (error) {
      continue;
    }
    if (module) api.access.deny('server_error', `ESCAPED: import as ${type}`);
  }
};
