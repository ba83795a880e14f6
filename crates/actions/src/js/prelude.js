// What a realm is given before the code of an Action runs in it. `host` is what the worker offers;
// nothing of it is reachable from the Action but through what stands here.
//
// Security: everything that is used after the Action has started is taken from the realm now, and
// the intrinsics are frozen, so that code of the Action cannot come between.
'use strict';
((host) => {
  const { Array, ArrayBuffer, DataView, Date, Error, JSON, Math, Number, Object, Promise,
    RangeError, Reflect, String, TypeError, Uint8Array } = globalThis;
  const { create, defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf } = Object;

  // There is no second thread to share memory with, and waiting on it could not be interrupted.
  delete globalThis.SharedArrayBuffer;
  delete globalThis.Atomics;
  // Accessors write past what is frozen, and a hook on stack traces would see the host's functions.
  delete Error.prepareStackTrace;
  delete Error.stackTraceLimit;
  // Without a compiler in the realm it could only throw; absent, it can be asked for.
  delete globalThis.eval;

  const constant = (target, name, value) =>
    defineProperty(target, name, { value, enumerable: false, writable: true, configurable: true });
  const fail = (message) => {
    host.misuse(message);
    throw new TypeError(message);
  };

  // ---- bytes and texts

  const ENCODINGS = {
    __proto__: null, utf8: 'utf8', 'utf-8': 'utf8', hex: 'hex', base64: 'base64',
    base64url: 'base64url', latin1: 'latin1', binary: 'latin1', ascii: 'latin1',
  };
  const encodingOf = (name) => {
    const known = ENCODINGS[String(name ?? 'utf8').toLowerCase()];
    if (known === undefined) throw new TypeError(`Unknown encoding: ${name}`);
    return known;
  };
  const wellFormed = (text) => String(text).toWellFormed();

  class Buffer extends Uint8Array {
    static from(value, encoding, length) {
      if (typeof value === 'string') {
        return wrap(host.decode(wellFormed(value), encodingOf(encoding)));
      }
      if (value instanceof ArrayBuffer) return new Buffer(value, encoding, length);
      if (value?.type === 'Buffer' && Array.isArray(value.data)) return Buffer.from(value.data);
      return wrap(Uint8Array.from(value));
    }
    static alloc(size, fill, encoding) {
      const made = new Buffer(Number(size));
      if (fill === undefined || typeof fill === 'number') return made.fill(fill ?? 0);
      const pattern = bytesOf(fill, encoding);
      for (let at = 0; at < made.length && pattern.length > 0; at += 1) {
        made[at] = pattern[at % pattern.length];
      }
      return made;
    }
    static allocUnsafe(size) { return new Buffer(Number(size)); }
    static isBuffer(value) { return value instanceof Buffer; }
    static isEncoding(name) { return ENCODINGS[String(name).toLowerCase()] !== undefined; }
    static byteLength(value, encoding) { return bytesOf(value, encoding).length; }
    static compare(one, other) {
      const length = Math.min(one.length, other.length);
      for (let at = 0; at < length; at += 1) {
        if (one[at] !== other[at]) return one[at] < other[at] ? -1 : 1;
      }
      return Math.sign(one.length - other.length);
    }
    static concat(list, total) {
      let length = 0;
      for (const part of list) length += part.length;
      const all = new Buffer(total ?? length);
      let at = 0;
      for (const part of list) {
        const fits = part.subarray(0, Math.max(0, all.length - at));
        all.set(fits, at);
        at += fits.length;
      }
      return all;
    }
    toString(encoding, start = 0, end = this.length) {
      return host.encode(this.subarray(start, end), encodingOf(encoding));
    }
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
    equals(other) { return Buffer.compare(this, other) === 0; }
    compare(other) { return Buffer.compare(this, other); }
    indexOf(value, from = 0, encoding) {
      if (typeof value === 'number') return super.indexOf(value & 255, from);
      const wanted = bytesOf(value, encoding);
      const last = this.length - wanted.length;
      for (let at = Math.max(0, from < 0 ? this.length + from : from); at <= last; at += 1) {
        let same = 0;
        while (same < wanted.length && this[at + same] === wanted[same]) same += 1;
        if (same === wanted.length) return at;
      }
      return -1;
    }
    includes(value, from, encoding) { return this.indexOf(value, from, encoding) !== -1; }
    readUInt8(at = 0) { return new DataView(this.buffer, this.byteOffset + at, 1).getUint8(0); }
    readUInt16BE(at = 0) { return new DataView(this.buffer, this.byteOffset + at, 2).getUint16(0); }
    readUInt32BE(at = 0) { return new DataView(this.buffer, this.byteOffset + at, 4).getUint32(0); }
    readUInt32LE(at = 0) {
      return new DataView(this.buffer, this.byteOffset + at, 4).getUint32(0, true);
    }
  }
  const wrap = (bytes) => new Buffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bytesOf = (value, encoding) => {
    if (typeof value === 'string') return host.decode(wellFormed(value), encodingOf(encoding));
    if (value instanceof Uint8Array) return value;
    if (ArrayBuffer.isView(value)) {
      return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    }
    throw new TypeError('Expected a string, a Buffer or a typed array');
  };
  constant(globalThis, 'Buffer', Buffer);
  constant(globalThis, 'TextEncoder', class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(text = '') { return host.decode(wellFormed(text), 'utf8'); }
  });
  constant(globalThis, 'TextDecoder', class TextDecoder {
    constructor(label = 'utf-8') {
      if (!/^utf-?8$/i.test(label)) throw new RangeError(`TextDecoder: no encoding ${label}`);
    }
    get encoding() { return 'utf-8'; }
    decode(bytes = new Uint8Array()) { return host.encode(bytesOf(bytes), 'utf8'); }
  });
  constant(globalThis, 'btoa', (text) => host.encode(bytesOf(String(text), 'latin1'), 'base64'));
  constant(globalThis, 'atob', (text) => host.encode(bytesOf(String(text), 'base64'), 'latin1'));

  // Without `Intl` these would pass over what they are asked for, and a wrong hour is worse than none.
  for (const [prototype, names] of [
    [Date.prototype, ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString']],
    [Number.prototype, ['toLocaleString']],
  ]) {
    for (const name of names) {
      const plain = prototype[name];
      constant(prototype, name, function (locales, options) {
        if (options !== undefined) {
          throw new TypeError(`${name}: options need Intl, which is not there; dates are in UTC`);
        }
        return Reflect.apply(plain, this, []);
      });
    }
  }

  // ---- console

  const LINE_MAX = 2048;
  const shown = (value, depth = 0, seen = []) => {
    switch (typeof value) {
      case 'string': return depth === 0 ? value : `'${value}'`;
      case 'bigint': return `${value}n`;
      case 'symbol': return String(value);
      case 'function': return `[Function: ${String(value.name || '(anonymous)')}]`;
      case 'object': break;
      default: return String(value);
    }
    if (value === null) return 'null';
    if (seen.includes(value)) return '[Circular]';
    if (value instanceof Error) return String(value.stack || value);
    if (depth > 3) return Array.isArray(value) ? '[Array]' : '[Object]';
    seen = [...seen, value];
    const inner = (item) => shown(item, depth + 1, seen);
    const some = (items) => {
      const parts = [];
      let length = 0;
      for (const item of items) {
        if (parts.length >= 100 || length > LINE_MAX) { parts.push('...'); break; }
        parts.push(item);
        length += item.length;
      }
      return parts.join(', ');
    };
    if (Array.isArray(value)) return `[ ${some(each(value, inner))} ]`;
    if (value instanceof Date || value instanceof RegExp) return String(value);
    if (value instanceof Map) {
      return `Map(${value.size}) { ${some(each(value, ([k, v]) => `${inner(k)} => ${inner(v)}`))} }`;
    }
    if (value instanceof Set) return `Set(${value.size}) { ${some(each(value, inner))} }`;
    const fields = each(Object.keys(value), (key) => `${key}: ${inner(value[key])}`);
    return `{ ${some(fields)} }`;
  };
  function* each(items, make) {
    for (const item of items) yield make(item);
  }
  const line = (values) => {
    let first = '';
    if (typeof values[0] === 'string' && values.length > 1 && values[0].includes('%')) {
      let next = 1;
      first = values[0].replace(/%[sdifjoOc%]/g, (mark) => {
        if (mark === '%%') return '%';
        if (next >= values.length) return mark;
        const value = values[next++];
        switch (mark) {
          case '%s': return shown(value);
          case '%d': case '%f': return String(Number(value));
          case '%i': return String(Math.trunc(Number(value)));
          case '%j': return String(JSON.stringify(value));
          case '%c': return '';
          default: return shown(value);
        }
      });
      values = [first, ...values.slice(next)];
    }
    return values.map((value) => shown(value)).join(' ');
  };
  const write = (level, values) => {
    if (!host.listens()) return;
    let text;
    try {
      text = line(values);
    } catch {
      text = '(what was written cannot be shown)';
    }
    host.console(level, text.slice(0, LINE_MAX).toWellFormed());
  };
  const console = {};
  for (const level of ['log', 'info', 'warn', 'error', 'debug']) {
    console[level] = (...values) => write(level, values);
  }
  console.trace = (...values) => write('trace', ['Trace:', ...values]);
  console.dir = (value) => write('log', [value]);
  console.table = console.dir;
  console.assert = (truth, ...values) => {
    if (!truth) write('error', ['Assertion failed', ...values]);
  };
  for (const name of ['group', 'groupCollapsed', 'groupEnd', 'time', 'timeEnd', 'timeLog', 'count',
    'countReset', 'clear']) {
    console[name] = () => {};
  }
  constant(globalThis, 'console', freeze(console));

  // ---- require

  const offered = { __proto__: null };
  const once = (make) => {
    let made;
    return () => (made ??= make());
  };
  for (const name of ['crypto', 'ipaddr.js', 'keyward/ip']) {
    offered[name] = once(() =>
      host.module(name)({ host, Buffer, bytesOf, encodingOf, wrap, freeze }));
  }
  offered.buffer = () => ({ Buffer });
  const require = (name) => {
    const module = offered[String(name).replace(/^node:/, '')];
    if (module !== undefined) return module();
    const error = new Error(`Cannot find module '${String(name).slice(0, 100)}': no module is fetched ` +
      'from a registry; what can be required is crypto, ipaddr.js, keyward/ip, buffer');
    error.code = 'MODULE_NOT_FOUND';
    throw error;
  };

  // ---- api

  const transaction = { event: undefined, scopes: undefined };
  const api = create(null);
  const scopeText = (scope) => {
    if (typeof scope !== 'string' || !/^[\x21\x23-\x5b\x5d-\x7e]{1,280}$/.test(scope)) {
      fail('a scope is a text of printable characters without blanks, quotes and backslashes');
    }
    return scope;
  };
  const target = (scopes) => {
    transaction.scopes = scopes;
    host.scopes(scopes);
    const seen = transaction.event?.transaction;
    if (seen !== undefined && seen !== null) {
      // An event that the Action took apart is its own affair.
      Reflect.set(seen, 'target_scopes', [...scopes]);
    }
    return api;
  };
  const access = {
    deny(code, reason) {
      // Whatever was given, the token is refused before anything can throw.
      if (!host.deny(said(code, 100), said(reason ?? undefined, 4096))) {
        throw new TypeError('api.access.deny: the code must be invalid_scope, invalid_request or ' +
          'server_error');
      }
      return api;
    },
  };
  const accessToken = {
    setCustomClaim(key, value) {
      if (typeof key !== 'string' || key === '') fail('setCustomClaim: the name is no text');
      const json = JSON.stringify(value);
      if (json === undefined) return api;
      if (key.length + json.length > 102400 || !host.claim(key.toWellFormed(), json)) {
        host.tooLarge();
        throw new RangeError('setCustomClaim: custom claims may have 100 KB together');
      }
      return api;
    },
  };
  const written = (result, key) => {
    if (result !== '') return freeze({ type: 'error', code: result });
    return freeze({ type: 'success', record: record(key) });
  };
  const record = (key) => {
    const found = host.cacheGet(key);
    if (found === undefined) return undefined;
    return freeze({ value: found[0], expires_at: found[1] });
  };
  const moment = (value) => (value === undefined || value === null ? undefined : value);
  const cache = {
    get(key) { return typeof key === 'string' ? record(key.slice(0, 100).toWellFormed()) : undefined; },
    set(key, value, options) {
      const [ttl, until] = [moment(options?.ttl), moment(options?.expires_at)];
      for (const time of [ttl, until]) {
        if (time !== undefined && !Number.isFinite(time)) {
          return freeze({ type: 'error', code: 'InvalidExpiry' });
        }
      }
      if (typeof key !== 'string' || typeof value !== 'string') {
        return freeze({ type: 'error', code: 'FailedToSetCacheRecord' });
      }
      const name = key.slice(0, 100).toWellFormed();
      return written(host.cacheSet(name, value.slice(0, 5000).toWellFormed(), ttl, until), name);
    },
    delete(key) {
      if (typeof key !== 'string') return freeze({ type: 'error', code: 'FailedToDeleteCacheRecord' });
      const result = host.cacheDelete(key.slice(0, 100).toWellFormed());
      return freeze(result === '' ? { type: 'success' } : { type: 'error', code: result });
    },
  };
  api.access = freeze(access);
  api.accessToken = freeze(accessToken);
  api.cache = freeze(cache);
  api.transaction = freeze({
    addTargetScope(scope) {
      scopeText(scope);
      const { scopes } = transaction;
      return target(scopes.includes(scope) ? scopes : [...scopes, scope]);
    },
    removeTargetScope(scope) {
      scopeText(scope);
      return target(transaction.scopes.filter((one) => one !== scope));
    },
    setTargetScopes(scopes) {
      if (!Array.isArray(scopes)) fail('setTargetScopes: a list of scopes is expected');
      return target([...new Set([...scopes].map(scopeText))]);
    },
    clearTargetScopes() { return target([]); },
  });
  freeze(api);

  // ---- errors

  const said = (value, most) => {
    try {
      return value === undefined ? '' : String(value).slice(0, most).toWellFormed();
    } catch {
      return '';
    }
  };
  const failed = (error) => {
    let [name, message, stack] = ['Error', '', ''];
    try {
      if (typeof error === 'object' && error !== null) {
        name = said(error.name, 100) || 'Error';
        message = said(error.message, 4096);
        // Not the frames of what stands around the Action.
        stack = said(error.stack, 4096).split('\n').filter((at) => at.includes('action.js'))
          .join('\n');
      } else {
        message = error === null ? 'null was thrown' : said(error, 4096);
      }
    } catch {
      message = 'an error that cannot be read';
    }
    host.failed(name, message, stack);
  };

  // ---- what is frozen

  // A property that is inherited from a frozen object cannot be written on what inherits it. For
  // those that ordinary code does write, writing defines an own property, as it does elsewhere.
  const letInherit = (prototype) => {
    for (const name of Reflect.ownKeys(prototype)) {
      const own = getOwnPropertyDescriptor(prototype, name);
      if (!own.configurable || !('value' in own) || !own.writable) continue;
      const { value } = own;
      defineProperty(prototype, name, {
        enumerable: own.enumerable,
        configurable: false,
        get() { return value; },
        set(other) {
          if (this !== prototype && isObject(this)) {
            defineProperty(this, name,
              { value: other, enumerable: true, writable: true, configurable: true });
          }
        },
      });
    }
  };
  const errors = [Error, globalThis.AggregateError, globalThis.EvalError, RangeError,
    globalThis.ReferenceError, globalThis.SyntaxError, TypeError, globalThis.URIError];
  // Not those of arrays, maps and the like: own names in place of their methods are rare, and each
  // name costs every run its part.
  const inherited = [Object, globalThis.Function, ...errors];
  for (const one of inherited) letInherit(one.prototype);
  const hidden = [
    getPrototypeOf(function* () {}), getPrototypeOf(async function () {}),
    getPrototypeOf(async function* () {}), getPrototypeOf(Uint8Array),
    getPrototypeOf([][Symbol.iterator]()), getPrototypeOf(new Map()[Symbol.iterator]()),
    getPrototypeOf(new Set()[Symbol.iterator]()), getPrototypeOf(''[Symbol.iterator]()),
    getPrototypeOf('x'.matchAll(/x/g)), getPrototypeOf([].values().map((value) => value)),
    getPrototypeOf(globalThis.Iterator.from({ next() {} })),
  ];
  const roots = [...hidden];
  for (const name of Reflect.ownKeys(globalThis)) {
    const { value } = getOwnPropertyDescriptor(globalThis, name);
    if (value !== globalThis) roots.push(value);
  }
  const frozen = new Set([null]);
  for (const one of roots) {
    for (const object of [one, one?.prototype]) {
      for (let at = object; isObject(at) && !frozen.has(at); at = getPrototypeOf(at)) {
        frozen.add(freeze(at));
      }
    }
  }
  function isObject(value) {
    return typeof value === 'function' || (typeof value === 'object' && value !== null);
  }

  // ---- the run

  const start = async (wrapper, event, secrets) => {
    const given = JSON.parse(event);
    transaction.event = given;
    const targets = given.transaction?.target_scopes;
    transaction.scopes = Array.isArray(targets) ? targets.map(String) : [];
    given.secrets = JSON.parse(secrets);
    given.configuration ??= {};
    const listed = given.client?.allowlist;
    if (isObject(listed)) {
      let entries;
      defineProperty(listed, 'entries', {
        enumerable: true,
        get: () => (entries ??= freeze(JSON.parse(host.allowlist()))),
      });
      defineProperty(given.client, 'allowlist', { value: freeze(listed), writable: false });
    }
    const module = { exports: {} };
    Reflect.apply(wrapper, module.exports, [module.exports, require, module, 'action.js', '/']);
    const handler = module.exports.onExecuteCredentialsExchange;
    if (typeof handler !== 'function') return host.noHandler();
    const result = await Reflect.apply(handler, module.exports, [given, api]);
    if (isObject(result) && typeof result.next === 'function') {
      fail('onExecuteCredentialsExchange is a generator, whose body nobody runs');
    }
    return undefined;
  };
  return (wrapper, event, secrets) => {
    start(wrapper, event, secrets).then(() => host.done(), failed);
  };
})
