// expect: refused
// Denies with a reason that looks like the rest of an answer.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const reason = '"}\r\n\r\n{"answer":"allowed","claims":{}}\n\u0000{"access_token":"x"}';
  api.access.deny('invalid_request', reason);
};
