// expect: contained
// Core modules of Node that could reach files, processes or the network.
const names = [
  'fs', 'fs/promises', 'net', 'tls', 'dns', 'dgram', 'http', 'https', 'http2', 'child_process',
  'cluster', 'worker_threads', 'os', 'path', 'process', 'vm', 'v8', 'repl', 'module', 'inspector',
  'async_hooks', 'perf_hooks', 'timers', 'wasi', 'node:fs', 'node:net', 'node:child_process',
  'node:vm', 'node:process', 'node:worker_threads', 'std', 'bjson', 'qjs:std', 'qjs:os',
];

exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const name of names) {
    let module;
    try {
      module = require(name);
    } catch (error) {
      continue;
    }
    if (module) api.access.deny('server_error', `ESCAPED: require of ${name}`);
  }
};
