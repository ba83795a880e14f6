// expect: contained
// The Function constructor by way of what is at hand.
const works = (attempt) => {
  try {
    return attempt() === 42;
  } catch (error) {
    return false;
  }
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  const code = 'return 42';
  const attempts = [
    () => (() => {}).constructor(code)(),
    () => [].map.constructor(code)(),
    () => Object.getPrototypeOf(Math.max).constructor(code)(),
    () => (class {}).constructor(code)(),
    () => Object.getOwnPropertyDescriptor({ get a() {} }, 'a').get.constructor(code)(),
    () => ''.constructor.constructor(code)(),
    () => Symbol.iterator.constructor.constructor(code)(),
    () => globalThis.constructor.constructor(code)(),
    () => new Proxy(function () {}, {}).constructor(code)(),
    () => (() => {}).bind().constructor(code)(),
  ];
  if (attempts.some(works)) api.access.deny('server_error', 'ESCAPED: Function');
};
