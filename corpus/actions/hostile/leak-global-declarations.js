// expect: contained
// Leaves declarations of scripts behind and looks for those of an earlier run.
const found = typeof leftByAssignment;
leftByAssignment = 'marker';
var leftByVar = 'marker';
function leftByFunction() {}

exports.onExecuteCredentialsExchange = async (event, api) => {
  const left = globalThis.leftByVar ?? globalThis.leftByFunction;
  if (found !== 'undefined' || left !== undefined) {
    api.access.deny('server_error', 'ESCAPED: a declaration of an earlier run');
  }
};
