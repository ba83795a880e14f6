// expect: refused
// Two async functions that wait for each other.
exports.onExecuteCredentialsExchange = async () => {
  let first;
  let second;
  const a = async () => {
    await null;
    await second;
  };
  const b = async () => {
    await null;
    await first;
  };
  first = a();
  second = b();
  await Promise.all([first, second]);
};
