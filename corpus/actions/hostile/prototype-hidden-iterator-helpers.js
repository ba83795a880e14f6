// expect: contained
// Replaces methods of the prototypes behind iterator helpers.
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (typeof Iterator !== 'function') return;
  const hidden = [
    Iterator,
    Iterator.prototype,
    Object.getPrototypeOf([].values().map((x) => x)),
    Object.getPrototypeOf(Iterator.from({ next: () => ({ done: true }) })),
  ];
  for (const object of hidden) {
    try {
      object.polluted = true;
      Object.defineProperty(object, 'polluted', { value: true });
    } catch (error) {
      // frozen
    }
    if (object.polluted) api.access.deny('server_error', 'ESCAPED: an iterator helper');
  }
};
