// expect: refused
// Collects the interruption with Promise.allSettled, which never rejects.
const spin = async () => {
  await null;
  for (;;);
};

exports.onExecuteCredentialsExchange = async () => {
  await Promise.allSettled([spin(), spin(), spin()]);
};
