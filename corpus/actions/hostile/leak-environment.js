// expect: contained
// Looks for the environment of the process in what is at hand.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const names = ['env', 'argv', 'execPath', 'cwd', 'pid', 'versions', 'scriptArgs', 'environ'];
  const places = [globalThis, api, event, console, require, module, this];
  for (const place of places) {
    for (const name of names) {
      if (place?.[name] !== undefined) api.access.deny('server_error', `ESCAPED: ${name}`);
    }
  }
};
