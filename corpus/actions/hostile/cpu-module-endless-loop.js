// expect: refused
// The module itself never finishes loading.
for (let i = 0; ; i++) {
  if (i < 0) break;
}

exports.onExecuteCredentialsExchange = async () => {};
