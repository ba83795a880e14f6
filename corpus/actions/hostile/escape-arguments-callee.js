// expect: contained
// Climbs from arguments.callee to the function that called the module.
const places = [];
try {
  places.push(arguments.callee.caller);
} catch (error) {
  // not given
}
try {
  places.push(arguments.callee.caller.caller, arguments.callee.caller.arguments);
} catch (error) {
  // not given
}

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (places.some((place) => place !== null && place !== undefined)) {
    api.access.deny('server_error', 'ESCAPED: the caller of the module');
  }
};
