// expect: refused
// Proxies around proxies without end.
exports.onExecuteCredentialsExchange = async () => {
  let target = {};
  for (;;) target = new Proxy(target, {});
};
