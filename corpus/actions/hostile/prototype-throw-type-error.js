// expect: contained
// Marks the hidden function that throws when arguments.callee is read.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const strict = (function () {
    'use strict';
    return arguments;
  })();
  const thrower = Object.getOwnPropertyDescriptor(strict, 'callee')?.get;
  try {
    thrower.polluted = true;
  } catch (error) {
    // frozen
  }
  if (thrower?.polluted) api.access.deny('server_error', 'ESCAPED: %ThrowTypeError%');
};
