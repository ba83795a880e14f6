// expect: contained
// Names that every object has, as names of modules.
const names = [
  '__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty',
  '__defineGetter__', '__lookupGetter__', 'isPrototypeOf', 'propertyIsEnumerable', 'length',
  'name', 'caller', 'arguments', 'then', 'undefined', 'null', '0', '',
];

exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const name of names) {
    let module;
    try {
      module = require(name);
    } catch (error) {
      continue;
    }
    if (module) api.access.deny('server_error', `ESCAPED: require of ${name}`);
  }
};
