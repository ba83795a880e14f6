// expect: contained
// Direct and indirect eval.
const works = (attempt) => {
  try {
    return attempt() === 42;
  } catch (error) {
    return false;
  }
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  const answer = 42;
  const attempts = [
    () => eval('answer'),
    () => (0, eval)('42'),
    () => globalThis.eval('6 * 7'),
    () => Reflect.apply(eval, undefined, ['42']),
    () => globalThis['ev' + 'al'].call(null, `${answer}`),
  ];
  if (attempts.some(works)) api.access.deny('server_error', 'ESCAPED: eval');
};
