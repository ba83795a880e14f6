// `require('keyward/ip')`: addresses and lists by the server's own rules.
'use strict';
(({ host, freeze }) => {
  class AddressError extends Error {
    constructor({ code, message, suggestion, line }) {
      super(message);
      this.name = 'AddressError';
      this.code = code;
      if (suggestion !== undefined) this.suggestion = suggestion;
      if (line !== undefined) this.line = line;
    }
  }
  const text = (value, what) => {
    if (typeof value !== 'string') throw new TypeError(`keyward/ip: ${what} must be a text`);
    return value.slice(0, 1000).toWellFormed();
  };
  const result = (answer) => {
    const read = JSON.parse(answer);
    if (read.error !== undefined) throw new AddressError(read.error);
    return read.value;
  };
  // A list is a text, one entry a line, or an array of entries.
  const entries = (list) => {
    if (typeof list === 'string') return JSON.stringify(list.toWellFormed());
    if (!Array.isArray(list)) throw new TypeError('keyward/ip: a list is a text or an array');
    return JSON.stringify([...list].map((entry) => text(entry, 'an entry')));
  };
  const find = (list, address) => result(host.ipFind(entries(list), text(address, 'the address')));
  const parse = (address) => result(host.ipParse(text(address, 'the address')));
  const parseNetwork = (network) => result(host.ipNetwork(text(network, 'the network')));
  return freeze({
    AddressError,
    parse,
    parseNetwork,
    isValid: (address) =>
      typeof address === 'string' && JSON.parse(host.ipParse(text(address))).error === undefined,
    isValidNetwork: (network) =>
      typeof network === 'string' && JSON.parse(host.ipNetwork(text(network))).error === undefined,
    version: (address) => (parse(address).includes(':') ? 6 : 4),
    contains: (network, address) => find([parseNetwork(network)], address) !== null,
    matches: (list, address) => find(list, address) !== null,
    find: (list, address) => find(list, address) ?? undefined,
  });
})
