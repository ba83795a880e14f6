// expect: contained
// Iterators that run themselves again while they are running.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let generator;
  let depth = 0;
  function* again() {
    depth += 1;
    try {
      generator.next();
      depth += 100;
    } catch (error) {
      yield 1;
    }
  }
  generator = again();
  generator.next();
  generator.return();
  const map = new Map([[1, 1], [2, 2]]);
  const iterator = map.entries();
  iterator.next();
  map.clear();
  iterator.next();
  for (let i = 0; i < 100; i++) map.set(i, i);
  if (depth > 1 || iterator.next().value !== undefined) {
    api.access.deny('server_error', 'ESCAPED: a finished iterator went on');
  }
};
