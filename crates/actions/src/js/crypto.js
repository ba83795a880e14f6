// `require('crypto')`: what scripts use of Node's module of that name.
'use strict';
(({ host, Buffer, bytesOf, encodingOf, wrap, freeze }) => {
  const HASHES = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'];
  const hashOf = (name) => {
    const known = String(name).toLowerCase().replace('-', '');
    if (!HASHES.includes(known)) {
      throw new Error(`Digest method not supported: ${String(name).slice(0, 50)}; there are ` +
        HASHES.join(', '));
    }
    return known;
  };
  class Digest {
    #parts = [];
    #finish;
    constructor(finish) { this.#finish = finish; }
    update(data, encoding) {
      if (this.#finish === undefined) throw new Error('Digest already called');
      this.#parts.push(Buffer.from(bytesOf(data, encoding)));
      return this;
    }
    digest(encoding) {
      if (this.#finish === undefined) throw new Error('Digest already called');
      const bytes = wrap(this.#finish(Buffer.concat(this.#parts)));
      this.#finish = undefined;
      return encoding === undefined || encoding === 'buffer'
        ? bytes : host.encode(bytes, encodingOf(encoding));
    }
  }
  const size = (value) => {
    const wanted = Number(value);
    if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65536) {
      throw new RangeError('the size must be from 0 to 65536');
    }
    return wanted;
  };
  const randomBytes = (count, call) => {
    const bytes = wrap(host.random(size(count)));
    if (typeof call !== 'function') return bytes;
    queueMicrotask(() => call(null, bytes));
    return undefined;
  };
  return freeze({
    createHash: (name) => {
      const known = hashOf(name);
      return new Digest((bytes) => host.hash(known, bytes));
    },
    createHmac: (name, key) => {
      const [known, secret] = [hashOf(name), bytesOf(key)];
      return new Digest((bytes) => host.hmac(known, secret, bytes));
    },
    hash: (name, data, encoding = 'hex') =>
      host.encode(host.hash(hashOf(name), bytesOf(data)), encodingOf(encoding)),
    getHashes: () => [...HASHES],
    randomBytes,
    randomUUID: () => {
      const bytes = randomBytes(16);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    },
    randomInt: (min, max) => {
      const [low, high] = max === undefined ? [0, Number(min)] : [Number(min), Number(max)];
      const span = high - low;
      if (!Number.isSafeInteger(low) || !(span > 0) || span > 2 ** 48) {
        throw new RangeError('the range must hold 1 to 2**48 whole numbers');
      }
      // Numbers past the last whole multiple of the span would make the first ones likelier.
      const most = 2 ** 48 - (2 ** 48 % span);
      for (;;) {
        const drawn = randomBytes(6).reduce((number, byte) => number * 256 + byte, 0);
        if (drawn < most) return low + (drawn % span);
      }
    },
    timingSafeEqual: (a, b) => {
      const [one, other] = [bytesOf(a), bytesOf(b)];
      if (one.length !== other.length) {
        throw new RangeError('Input buffers must have the same byte length');
      }
      return host.sameBytes(one, other);
    },
  });
})
