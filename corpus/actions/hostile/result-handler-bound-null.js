// expect: contained
// The handler is a bound and wrapped function with odd properties.
const handler = async () => {};
Object.defineProperty(handler, 'length', { value: -1 });
Object.defineProperty(handler, 'name', { value: Symbol('name') });
handler.call = () => {
  throw new Error('call');
};
handler.apply = handler.call;
handler.bind = handler.call;
handler.then = handler.call;
handler.toString = handler.call;

exports.onExecuteCredentialsExchange = handler;
