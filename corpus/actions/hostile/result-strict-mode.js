// expect: contained
// A strict module, which must not be able to notice the host's code around it.
'use strict';

exports.onExecuteCredentialsExchange = async function (event, api) {
  const outer = (function () {
    return this;
  })();
  if (outer !== undefined) api.access.deny('server_error', 'ESCAPED: strict mode is off');
};
