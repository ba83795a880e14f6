// expect: contained
// Marks all constructors, prototypes and namespaces that have a name.
const names = [
  'Object', 'Function', 'Array', 'String', 'Number', 'Boolean', 'Symbol', 'BigInt', 'Date',
  'RegExp', 'Promise', 'Proxy', 'Reflect', 'JSON', 'Math', 'Map', 'Set', 'WeakMap', 'WeakSet',
  'ArrayBuffer', 'DataView', 'Uint8Array', 'Uint8ClampedArray', 'Int8Array', 'Int16Array',
  'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array', 'BigInt64Array',
  'BigUint64Array', 'Error', 'TypeError', 'RangeError', 'SyntaxError', 'ReferenceError',
  'EvalError', 'URIError', 'AggregateError', 'Iterator',
];

exports.onExecuteCredentialsExchange = async (event, api) => {
  const seen = new Set();
  const marked = [];
  const visit = (value, path) => {
    if (value !== Object(value) || seen.has(value)) return;
    seen.add(value);
    if (Reflect.defineProperty(value, 'polluted', { value: 1 })) marked.push(path);
  };
  for (const name of names) {
    const value = globalThis[name];
    if (value !== Object(value)) continue;
    if (typeof value === 'object' || value.prototype !== undefined) visit(value, name);
    visit(value.prototype, `${name}.prototype`);
    for (let at = value.prototype; at; at = Object.getPrototypeOf(at)) visit(at, `${name}: above`);
  }
  if (marked.length > 0) {
    api.access.deny('server_error', `ESCAPED: ${marked.slice(0, 5).join(' ')}`);
  }
};
