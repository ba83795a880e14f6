// expect: refused
// The default value of a parameter of the handler never comes.
const never = () => {
  for (;;);
};

exports.onExecuteCredentialsExchange = async (event, api, extra = never()) => extra;
