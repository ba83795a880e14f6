// expect: refused
// Takes many short breaks of asking the time, none of them long by itself.
const rest = (ms) => {
  const end = Date.now() + ms;
  while (Date.now() < end) Math.sqrt(2);
};

exports.onExecuteCredentialsExchange = async () => {
  for (let i = 0; i < 10000; i++) {
    rest(10);
    await null;
  }
};
