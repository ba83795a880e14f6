// expect: contained
// Pollution by JSON with a __proto__ member and by merging it.
const merge = (target, source) => {
  for (const key of Object.keys(source)) {
    if (source[key] === Object(source[key])) {
      target[key] = merge(target[key] ?? {}, source[key]);
    } else {
      target[key] = source[key];
    }
  }
  return target;
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  try {
    merge({}, JSON.parse('{"__proto__":{"polluted":true}}'));
    merge({}, JSON.parse('{"constructor":{"prototype":{"polluted":true}}}'));
  } catch (error) {
    // frozen
  }
  if ({}.polluted) api.access.deny('server_error', 'ESCAPED: Object.prototype');
};
