// Own properties that are named like the built-in ones.
class Result {
  constructor(value) {
    this.value = value;
    this.constructor = 'own constructor';
  }
  toString() {
    return `Result ${this.value}`;
  }
}

function Legacy() {}
Legacy.prototype = { constructor: Legacy };
Legacy.prototype.valueOf = function () {
  return 41;
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  const result = new Result(7);
  const counts = {};
  for (const word of ['constructor', 'toString', 'valueOf', 'hasOwnProperty', 'toString']) {
    counts[word] = Object.hasOwn(counts, word) ? counts[word] + 1 : 1;
  }
  const call = () => 1;
  call.call = 'own call';
  call.toString = () => 'own toString';
  const error = new Error('first');
  error.message = 'second';
  error.name = 'OwnError';
  error.toString = () => 'own error';

  api.accessToken.setCustomClaim('https://claims.example/own', {
    text: `${result}`,
    kind: result.constructor,
    counts,
    sum: new Legacy() + 1,
    call: `${call}, ${call.call}`,
    error: `${error}, ${error.name}, ${error.message}`,
  });
};
