// expect: contained
// Changes what the host handed in through with statements.
exports.onExecuteCredentialsExchange = async (event, api) => {
  with (event.client.allowlist) {
    mode = 'off';
    entries = ['0.0.0.0/1', '128.0.0.0/1'];
  }
  with (event.request) {
    ip = '198.51.100.1';
  }
  with (api.transaction) {
    addTargetScope('admin:all');
  }
  with (new Proxy(globalThis, { has: (target, key) => key !== 'event' })) {
    event.resource_server.identifier = 'https://other.example/';
  }
};
