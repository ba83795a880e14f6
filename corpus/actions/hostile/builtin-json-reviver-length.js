// expect: refused
// A reviver that makes the array longer than it was.
exports.onExecuteCredentialsExchange = async () => {
  return JSON.parse('[0,[]]', function (key, value) {
    if (key === '0') {
      this[1] = new Proxy([], { get: (t, k) => (k === 'length' ? 2 ** 53 - 1 : 0) });
    }
    return value;
  });
};
