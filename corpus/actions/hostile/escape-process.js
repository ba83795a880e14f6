// expect: contained
// The process object and what hangs on it.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const attempts = [
    () => process.env,
    () => globalThis.process.binding('fs'),
    () => process.mainModule.require('fs'),
    () => this.process.exit,
    () => globalThis.process.kill,
    () => process.dlopen,
  ];
  for (const attempt of attempts) {
    let found;
    try {
      found = attempt();
    } catch (error) {
      continue;
    }
    if (found) api.access.deny('server_error', 'ESCAPED: process');
  }
};
