// expect: refused
// A reviver that puts something deeper where it will look next.
exports.onExecuteCredentialsExchange = async () => {
  return JSON.parse('[0,0]', function (key, value) {
    if (key === '0') this[1] = [0, 0];
    return value;
  });
};
