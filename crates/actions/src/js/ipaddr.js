// `require('ipaddr.js')`: the part of that library's interface that address rules use, on the
// server's own strict parser. Octal, hexadecimal and shortened forms are no addresses here.
'use strict';
(({ host, freeze }) => {
  const bytesOf = (value) => {
    const read = JSON.parse(host.ipBytes(String(value).slice(0, 100).toWellFormed()));
    return read.error === undefined ? read.value : undefined;
  };
  const bitsEqual = (one, other, bits) => {
    for (let at = 0; at < one.length && bits > 0; at += 1, bits -= 8) {
      const shift = Math.max(0, 8 - bits);
      if (one[at] >> shift !== other[at] >> shift) return false;
    }
    return true;
  };
  const matches = (address, other, bits) => {
    const [network, length] = bits === undefined ? other : [other, bits];
    if (address.kind() !== network.kind()) {
      throw new Error(`ipaddr: cannot match ${address.kind()} address with non-${address.kind()} one`);
    }
    return bitsEqual(address.toByteArray(), network.toByteArray(), length);
  };
  const rangeOf = (address, table) => {
    for (const [name, networks] of table()) {
      for (const [network, bits] of networks) {
        if (bitsEqual(address.toByteArray(), network, bits)) return name;
      }
    }
    return 'unicast';
  };
  const tables = (text) => {
    let made;
    return () => (made ??= text.map(([name, ...list]) => [name, list.map((one) => {
      const [network, bits] = one.split('/');
      return [bytesOf(network), Number(bits)];
    })]));
  };
  // RFC 6890 and the registries that it names.
  const RANGES4 = tables([
    ['unspecified', '0.0.0.0/8'], ['broadcast', '255.255.255.255/32'], ['multicast', '224.0.0.0/4'],
    ['linkLocal', '169.254.0.0/16'], ['loopback', '127.0.0.0/8'],
    ['carrierGradeNat', '100.64.0.0/10'],
    ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
    ['as112', '192.175.48.0/24', '192.31.196.0/24'], ['amt', '192.52.193.0/24'],
    ['reserved', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '198.18.0.0/15',
      '198.51.100.0/24', '203.0.113.0/24', '240.0.0.0/4'],
  ]);
  const RANGES6 = tables([
    ['unspecified', '::/128'], ['linkLocal', 'fe80::/10'], ['multicast', 'ff00::/8'],
    ['loopback', '::1/128'], ['uniqueLocal', 'fc00::/7'], ['ipv4Mapped', '::ffff:0:0/96'],
    ['discard', '100::/64'], ['rfc6145', '::ffff:0:0:0/96'], ['rfc6052', '64:ff9b::/96'],
    ['6to4', '2002::/16'], ['teredo', '2001::/32'], ['benchmarking', '2001:2::/48'],
    ['amt', '2001:3::/32'], ['as112v6', '2001:4:112::/48', '2620:4f:8000::/48'],
    ['deprecatedOrchid', '2001:10::/28'], ['orchid2', '2001:20::/28'],
    ['reserved', '2001::/23', '2001:db8::/32'],
  ]);
  class IPv4 {
    constructor(octets) {
      if (octets.length !== 4) throw new Error('ipaddr: ipv4 octet count should be 4');
      this.octets = [...octets];
    }
    kind() { return 'ipv4'; }
    toByteArray() { return [...this.octets]; }
    toString() { return this.octets.join('.'); }
    toNormalizedString() { return this.toString(); }
    match(other, bits) { return matches(this, other, bits); }
    range() { return rangeOf(this, RANGES4); }
    toIPv4MappedAddress() {
      return new IPv6([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...this.octets]);
    }
    prefixLengthFromSubnetMask() {
      const bits = this.octets.map((octet) => octet.toString(2).padStart(8, '0')).join('');
      const length = bits.lastIndexOf('1') + 1;
      return bits.slice(0, length).includes('0') ? null : length;
    }
    static isValid(text) { return typeof text === 'string' && bytesOf(text)?.length === 4; }
    static isIPv4(text) { return IPv4.isValid(text); }
    static parse(text) {
      const bytes = bytesOf(text);
      if (bytes?.length !== 4) throw new Error('ipaddr: string is not formatted like an IPv4 Address');
      return new IPv4(bytes);
    }
  }
  class IPv6 {
    constructor(parts) {
      this.parts = parts.length === 16
        ? Array.from({ length: 8 }, (_, at) => parts[2 * at] * 256 + parts[2 * at + 1])
        : [...parts];
      if (this.parts.length !== 8) throw new Error('ipaddr: ipv6 part count should be 8 or 16');
    }
    kind() { return 'ipv6'; }
    toByteArray() { return this.parts.flatMap((part) => [part >> 8, part & 255]); }
    // RFC 5952, but that a mapped address is written like every other one.
    toString() {
      const text = this.toNormalizedString();
      const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)];
      if (runs.length === 0) return text;
      const longest = runs.reduce((best, run) => (run[0].length > best[0].length ? run : best));
      const [head, tail] = [text.slice(0, longest.index),
        text.slice(longest.index + longest[0].length)];
      return `${head}::${tail.replace(/^:/, '')}`;
    }
    toNormalizedString() { return this.parts.map((part) => part.toString(16)).join(':'); }
    toFixedLengthString() {
      return this.parts.map((part) => part.toString(16).padStart(4, '0')).join(':');
    }
    match(other, bits) { return matches(this, other, bits); }
    range() { return rangeOf(this, RANGES6); }
    isIPv4MappedAddress() { return this.range() === 'ipv4Mapped'; }
    toIPv4Address() {
      if (!this.isIPv4MappedAddress()) {
        throw new Error('ipaddr: trying to convert a generic ipv6 address to ipv4');
      }
      return new IPv4(this.toByteArray().slice(12));
    }
    static isValid(text) { return typeof text === 'string' && bytesOf(text)?.length === 16; }
    static isIPv6(text) { return IPv6.isValid(text); }
    static parse(text) {
      const bytes = bytesOf(text);
      if (bytes?.length !== 16) throw new Error('ipaddr: string is not formatted like an IPv6 Address');
      return new IPv6(bytes);
    }
  }
  const fromBytes = (bytes) => {
    if (bytes.length === 4) return new IPv4(bytes);
    if (bytes.length === 16) return new IPv6(bytes);
    throw new Error('ipaddr: the binary input is neither an IPv6 nor IPv4 address');
  };
  const parse = (text) => {
    const bytes = bytesOf(text);
    if (bytes === undefined) throw new Error('ipaddr: the address has neither IPv6 nor IPv4 format');
    return fromBytes(bytes);
  };
  const parseCIDR = (text) => {
    const parts = String(text).split('/');
    const bytes = parts.length === 2 && /^(?:0|[1-9]\d{0,2})$/.test(parts[1])
      ? bytesOf(parts[0]) : undefined;
    if (bytes === undefined || Number(parts[1]) > bytes.length * 8) {
      throw new Error('ipaddr: the address has neither IPv6 nor IPv4 CIDR format');
    }
    const cidr = [fromBytes(bytes), Number(parts[1])];
    Object.defineProperty(cidr, 'toString', { value: () => `${cidr[0]}/${cidr[1]}` });
    return cidr;
  };
  const valid = (read) => (text) => {
    if (typeof text !== 'string') return false;
    try {
      read(text);
      return true;
    } catch {
      return false;
    }
  };
  const unmapped = (address) =>
    (address.kind() === 'ipv6' && address.isIPv4MappedAddress() ? address.toIPv4Address() : address);
  for (const family of [IPv4, IPv6]) {
    family.parseCIDR = parseCIDR;
    family.isValidCIDR = valid(parseCIDR);
  }
  return freeze({
    IPv4,
    IPv6,
    parse,
    parseCIDR,
    isValid: valid(parse),
    isValidCIDR: valid(parseCIDR),
    process: (text) => unmapped(parse(text)),
    fromByteArray: fromBytes,
    subnetMatch: (address, list, fallback = 'unicast') => {
      for (const [name, networks] of Object.entries(list)) {
        const several = networks[0] instanceof Array || networks.length === 0;
        for (const [network, bits] of several ? networks : [networks]) {
          if (network.kind() === address.kind() && address.match(network, bits)) return name;
        }
      }
      return fallback;
    },
  });
})
