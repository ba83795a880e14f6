// expect: contained
// The Function constructor under its own name.
const works = (attempt) => {
  try {
    return attempt() === 42;
  } catch (error) {
    return false;
  }
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  const attempts = [
    () => new Function('return 42')(),
    () => Function('return 42')(),
    () => Function('a', 'b', 'return a * b')(6, 7),
    () => Function('/*', '*/){return 42')(),
    () => Reflect.construct(Function, ['return 42'])(),
    () => Reflect.construct(Function, ['return 42'], Object)(),
    () => globalThis.Function.call(null, 'return 42')(),
  ];
  if (attempts.some(works)) api.access.deny('server_error', 'ESCAPED: Function');
};
