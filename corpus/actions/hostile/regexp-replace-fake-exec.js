// expect: refused
// RegExp.prototype[Symbol.replace] on an object whose exec always finds something.
exports.onExecuteCredentialsExchange = async () => {
  const fake = { flags: 'g', global: true, lastIndex: 0, exec: () => ['x'] };
  return RegExp.prototype[Symbol.replace].call(fake, 'x', 'y');
};
