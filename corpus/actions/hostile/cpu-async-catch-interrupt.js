// expect: refused
// The interruption of an inner async function comes back as a rejection and is swallowed.
const spin = async () => {
  for (;;);
};

exports.onExecuteCredentialsExchange = async () => {
  try {
    await spin();
  } catch (error) {
    // too late already
  }
};
