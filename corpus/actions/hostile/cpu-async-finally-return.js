// expect: refused
// The interruption of an inner async function is overridden in a finally block.
const spin = async () => {
  await null;
  for (;;);
};

exports.onExecuteCredentialsExchange = async () => {
  try {
    await spin();
  } finally {
    return 'done';
  }
};
