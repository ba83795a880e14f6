// expect: refused
// Overrides the interruption by a return in a finally block.
const spin = () => {
  try {
    for (;;);
  } finally {
    return 'done';
  }
};

exports.onExecuteCredentialsExchange = async () => spin();
