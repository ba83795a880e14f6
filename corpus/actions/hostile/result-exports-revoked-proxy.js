// expect: refused
// The exports are a revoked proxy.
const { proxy, revoke } = Proxy.revocable({}, {});
revoke();
module.exports = proxy;
