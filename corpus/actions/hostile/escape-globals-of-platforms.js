// expect: contained
// Global objects of browsers, Node, Deno, Bun and of engine shells.
const names = [
  'process', 'fetch', 'XMLHttpRequest', 'WebSocket', 'EventSource', 'Worker', 'SharedWorker',
  'setTimeout', 'setInterval', 'setImmediate', 'WebAssembly', 'Deno', 'Bun', 'navigator',
  'document', 'window', 'localStorage', 'indexedDB', 'caches', 'importScripts', 'Atomics',
  'SharedArrayBuffer', 'WeakRef', 'performance', 'std', 'os', 'bjson', 'scriptArgs', 'print',
  'load', 'loadScript', 'loadFile', 'evalScript', 'gc', 'createRealm', 'read', 'readFile',
  'system', 'spawn', 'exec', 'quit', 'exit', '$262', 'ShadowRealm', 'Packages', 'java',
];

exports.onExecuteCredentialsExchange = async (event, api) => {
  const found = names.filter((name) => globalThis[name] !== undefined);
  if (found.length > 0) api.access.deny('server_error', `ESCAPED: ${found.join(' ')}`);
};
