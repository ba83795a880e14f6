// expect: contained
// The this of sloppy functions, of the module and of host callbacks.
const atTop = this;

exports.onExecuteCredentialsExchange = async function (event, api) {
  const sloppy = (function () {
    return this;
  })();
  let called;
  [1].forEach(function () {
    called = this;
  });
  for (const place of [atTop, this, sloppy, called, globalThis]) {
    if (place && (place.process || place.fetch || place.std || place.os)) {
      api.access.deny('server_error', 'ESCAPED: this');
    }
  }
};
