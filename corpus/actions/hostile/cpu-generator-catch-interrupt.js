// expect: refused
// A generator is interrupted; its caller swallows that and returns.
function* spin() {
  for (;;);
}

exports.onExecuteCredentialsExchange = async () => {
  try {
    spin().next();
  } catch (error) {
    // too late already
  }
};
