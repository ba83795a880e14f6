// expect: contained
// Counts runs in a variable of the module.
let runs = 0;

exports.onExecuteCredentialsExchange = async (event, api) => {
  runs += 1;
  if (runs > 1) api.access.deny('server_error', `ESCAPED: run ${runs} of one module`);
};
