// expect: refused
// An async function that calls itself before it awaits anything.
const again = async () => {
  await again();
};

exports.onExecuteCredentialsExchange = again;
