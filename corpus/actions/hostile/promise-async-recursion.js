// expect: refused
// An async function that awaits itself, one microtask later.
const again = async () => {
  await null;
  return again();
};

exports.onExecuteCredentialsExchange = again;
