// expect: refused
// Answers by Promise.race while the other contender spins.
const spin = async () => {
  for (;;);
};

exports.onExecuteCredentialsExchange = () => Promise.race([Promise.resolve('done'), spin()]);
