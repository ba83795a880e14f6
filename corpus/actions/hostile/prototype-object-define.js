// expect: contained
// Adds properties to Object.prototype by definition.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const attempts = [
    () => Object.defineProperty(Object.prototype, 'polluted', { value: true }),
    () => Reflect.defineProperty(Object.prototype, 'polluted', { get: () => true }),
    () => Object.prototype.__defineGetter__('polluted', () => true),
    () => Object.assign(Object.prototype, { polluted: true }),
    () => Reflect.set({}, 'polluted', true, Object.prototype),
    () => Object.setPrototypeOf(Object.prototype, { polluted: true }),
    () => (Object.prototype.__proto__ = { polluted: true }),
    () => Object.setPrototypeOf(Array.prototype, { polluted: true }),
    () => Object.setPrototypeOf(Function.prototype, { polluted: true }),
  ];
  for (const attempt of attempts) {
    try {
      attempt();
    } catch (error) {
      // frozen
    }
  }
  if ({}.polluted || [].polluted || (() => {}).polluted) {
    api.access.deny('server_error', 'ESCAPED: Object.prototype');
  }
};
