// expect: contained
// Watches the garbage collector through weak references.
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (typeof WeakRef !== 'function') return;
  const reference = new WeakRef({ marker: 'watched' });
  for (let i = 0; i < 1000; i++) [].concat(new Array(100));
  await null;
  if (reference) api.access.deny('server_error', 'ESCAPED: weak references exist');
};
