// expect: refused
// Async functions that wait for ever and keep their frames.
const never = new Promise(() => {});
const wait = async () => {
  const local = new Array(16).fill(0);
  await never;
  return local;
};

exports.onExecuteCredentialsExchange = async () => {
  for (;;) wait();
};
