// expect: contained
// Dynamic import of what an engine or Node would provide.
const names = ['fs', 'node:fs', 'os', 'qjs:os', 'qjs:std', 'std', 'bjson', 'qjs:bjson', 'crypto'];

exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const name of names) {
    let module;
    try {
      module = await import(name);
    } catch (error) {
      continue;
    }
    if (module) api.access.deny('server_error', `ESCAPED: import of ${name}`);
  }
};
