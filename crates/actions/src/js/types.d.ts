// What the code of a Keyward Action finds: `event`, `api`, the modules that can be required, and
// the globals beside those of the language.
//
// `keyward action types > keyward-actions.d.ts` writes this file. An Action that is to be checked
// begins with it:
//
//     /// <reference path="./keyward-actions.d.ts" />
//     // @ts-check
//
//     /** @type {Keyward.CredentialsExchangeAction} */
//     exports.onExecuteCredentialsExchange = async (event, api) => { };
//
// `tsc --noEmit --allowJs --checkJs --lib es2023 --types "" action.js` says what is wrong with it.
// That is for TypeScript 7. TypeScript 5 does without `--types ""`; `--strict false` lets functions
// of your own be without types, too.
//
// The realm has fewer globals than `es2023` tells of: `eval`, `Atomics`, `SharedArrayBuffer`,
// `WeakRef`, `FinalizationRegistry` and `Intl` are not there, `Function` makes nothing out of a
// text, and the built-in objects are frozen. There are no timers, no `fetch` and no `process`.

declare namespace Keyward {
  /**
   * An Action of the trigger `credentials-exchange`. It is called for each token request that
   * everything else has let pass, in a realm of its own; it may be async. What it returns says
   * nothing: it refuses with `api.access.deny`, and fails by throwing. A failure refuses the token.
   * Tokens for Keyward's own management API are issued without it.
   */
  type CredentialsExchangeAction =
    | ((event: Event, api: CredentialsExchangeAPI) => Promise<unknown>)
    | ((event: Event, api: CredentialsExchangeAPI) => unknown);

  /** What an Action exports. */
  interface Exports {
    onExecuteCredentialsExchange: CredentialsExchangeAction;
    [name: string]: any;
  }

  /**
   * A token request. It is a copy: what an Action writes into it changes nothing outside, and the
   * next Action gets a new one.
   */
  interface Event {
    accessToken: {
      /** The claims that the Actions before this one have set. */
      customClaims: { [name: string]: any };
      /** The scopes that are granted: those asked for, as far as the client's grant has them. */
      scope: string[];
    };
    client: Client;
    /** Always empty: an Action has secrets and no other values. */
    configuration: { [name: string]: any };
    /** The account that the token is for; absent when it is for none. */
    organization?: Organization;
    request: Request;
    resource_server: {
      /** The API that the token is for, by its identifier (the audience). */
      identifier: string;
    };
    /**
     * The secrets of this Action, by name. A value of six bytes or more is hidden where it stands
     * in the console, in an error or in a reason.
     */
    secrets: { [name: string]: string };
    tenant: {
      /** The first part of the issuer's host name. */
      id: string;
    };
    transaction: {
      /** The scopes that the request names; none when it names none. */
      requested_scopes: string[];
      /**
       * The scopes that the token is to have. `api.transaction` changes them, also in here, and the
       * Actions after this one see it.
       */
      target_scopes: string[];
    };
  }

  /** The client that asks for a token. */
  interface Client {
    /** Its client id. */
    client_id: string;
    /** What people call it. */
    name: string;
    /** Its labels (`client_metadata`). */
    metadata: { [name: string]: string };
    /**
     * Its own allowlist, which has let the request pass already. Neither it nor what is in it can
     * be written.
     */
    readonly allowlist: Allowlist;
  }

  /** The allowlist of a client. */
  interface Allowlist {
    /**
     * `off`: every address is allowed. `report`: every address is allowed, and what would be
     * refused is recorded. `enforce`: every other address is refused.
     */
    readonly mode: 'off' | 'report' | 'enforce';
    /** The networks that count now, in CIDR form; a single address ends in `/32` or `/128`. */
    readonly entries: readonly string[];
  }

  /** The HTTP request. */
  interface Request {
    /**
     * The address of the caller, in its one canonical form (an IPv4 address is never written as an
     * IPv6 one). Empty when none could be found.
     */
    ip: string;
    /** Always `POST`. */
    method: string;
    /** Always empty: Keyward does not look up where an address is. */
    geoip: GeoIP;
    /**
     * The parameters of the request, without secrets: `client_secret` and `client_assertion` are
     * not there. Those of a form are texts, those of a JSON body what they are.
     */
    body: { [name: string]: any };
    /** The host that the request was sent to, without a port. */
    hostname?: string;
    /** The header `Accept-Language`, at most 512 characters. */
    language?: string;
    /** The header `User-Agent`, at most 512 characters. */
    user_agent?: string;
  }

  /** Where the caller is. Nothing of it is ever set here; it is for code that looks. */
  interface GeoIP {
    cityName?: string;
    continentCode?: string;
    countryCode?: string;
    countryCode3?: string;
    countryName?: string;
    latitude?: number;
    longitude?: number;
    subdivisionCode?: string;
    subdivisionName?: string;
    timeZone?: string;
  }

  /** An account. */
  interface Organization {
    /** Its id. */
    id: string;
    /** Its name. */
    name: string;
    /** Its name once more. */
    display_name: string;
    /** Its labels. */
    metadata: { [name: string]: string };
  }

  /** What a refusal is told as. */
  type DenyCode = 'invalid_scope' | 'invalid_request' | 'server_error';

  /** What an Action can do. */
  interface CredentialsExchangeAPI {
    readonly access: {
      /**
       * Refuses the token. The caller gets the code as `error` and the reason as
       * `error_description`; the status is 400, and 500 for `server_error`. The first refusal
       * stays, the code goes on until it returns, and no Action after it runs.
       *
       * @param code Another one is an error, and fails the Action even when that is caught.
       * @param reason At most 1,024 characters; the rest is cut off.
       */
      deny(code: DenyCode, reason?: string): CredentialsExchangeAPI;
    };
    readonly accessToken: {
      /**
       * Sets a claim of the token. Names that standards, Keyward or Auth0 use (`sub`, `scope`,
       * `roles`, ...) and names below Auth0's own hosts are passed over in silence; so is a value
       * that JSON does not know, such as `undefined`.
       *
       * @param name A text that is not empty; anything else fails the Action.
       * @param value What JSON can hold. All claims together have 100 KiB; more fails the Action.
       */
      setCustomClaim(name: string, value: unknown): CredentialsExchangeAPI;
    };
    readonly cache: Cache;
    readonly transaction: {
      /** Adds a scope. The token gets it only if the client's grant has it. */
      addTargetScope(scope: string): CredentialsExchangeAPI;
      /** Takes a scope away. */
      removeTargetScope(scope: string): CredentialsExchangeAPI;
      /** Replaces all scopes; at most 1,000. */
      setTargetScopes(scopes: readonly string[]): CredentialsExchangeAPI;
      /** Takes all scopes away. */
      clearTargetScopes(): CredentialsExchangeAPI;
    };
  }

  /**
   * What Actions remember from one request to the next. There is one cache for all Actions, in the
   * memory of one node; a restart forgets it. It holds 20 entries and 8 KiB. What a failed Action
   * wrote is not kept.
   */
  interface Cache {
    /** The entry of a key; `undefined` when there is none, or it has ended. */
    get(key: string): CacheRecord | undefined;
    /**
     * Keeps a value, in place of the one that the key has.
     *
     * @param key At most 64 bytes.
     * @param value At most 4 KiB.
     * @param options When it ends; the earlier one of both counts. Without them it lives 15
     * minutes, and never longer than 24 hours.
     */
    set(key: string, value: string, options?: CacheSetOptions): CacheSetResult;
    /** Forgets a key. */
    delete(key: string): CacheDeleteResult;
  }

  /** An entry of the cache. */
  interface CacheRecord {
    readonly value: string;
    /** When it ends, in milliseconds since 1970. */
    readonly expires_at: number;
  }

  /** When an entry ends. */
  interface CacheSetOptions {
    /** Its life in milliseconds. */
    ttl?: number;
    /** The moment, in milliseconds since 1970. */
    expires_at?: number;
  }

  /** What came of a write to the cache. It never throws. */
  type CacheSetResult =
    | { readonly type: 'success'; readonly record: CacheRecord }
    | { readonly type: 'error'; readonly code: CacheSetErrorCode };

  /** What came of a deletion. It never throws. */
  type CacheDeleteResult =
    | { readonly type: 'success' }
    | { readonly type: 'error'; readonly code: CacheDeleteErrorCode };

  /**
   * - `CacheKeySizeExceeded`: the key has more than 64 bytes.
   * - `CacheValueSizeExceeded`: the value has more than 4 KiB.
   * - `CacheSizeExceeded`: there are 20 entries, or 8 KiB, already.
   * - `ItemAlreadyExpired`: it would have ended already.
   * - `InvalidExpiry`: `ttl` or `expires_at` is no finite number.
   * - `MaxSideEffectsExceeded`: this run has written 64 times.
   * - `FailedToSetCacheRecord`: key or value is no text.
   */
  type CacheSetErrorCode =
    | 'CacheKeySizeExceeded'
    | 'CacheValueSizeExceeded'
    | 'CacheSizeExceeded'
    | 'ItemAlreadyExpired'
    | 'InvalidExpiry'
    | 'MaxSideEffectsExceeded'
    | 'FailedToSetCacheRecord';

  /**
   * - `CacheKeyDoesNotExist`: there is no such entry.
   * - `MaxSideEffectsExceeded`: this run has written 64 times.
   * - `FailedToDeleteCacheRecord`: the key is no text.
   */
  type CacheDeleteErrorCode =
    | 'CacheKeyDoesNotExist'
    | 'MaxSideEffectsExceeded'
    | 'FailedToDeleteCacheRecord';

  /** How bytes stand in a text. Capitals make no difference to the code, but to these types. */
  type Encoding =
    | 'utf8' | 'utf-8' | 'hex' | 'base64' | 'base64url' | 'latin1' | 'binary' | 'ascii';

  /** The console: its lines are kept with the execution and shown by `keyward action logs`. */
  interface Console {
    log(...values: unknown[]): void;
    info(...values: unknown[]): void;
    warn(...values: unknown[]): void;
    error(...values: unknown[]): void;
    debug(...values: unknown[]): void;
    /** Writes the values; no stack is shown. */
    trace(...values: unknown[]): void;
    dir(value: unknown): void;
    /** As `dir`. */
    table(value: unknown): void;
    /** Writes an error line when the first value is not true. */
    assert(truth?: unknown, ...values: unknown[]): void;
    /** Does nothing. */
    group(...values: unknown[]): void;
    /** Does nothing. */
    groupEnd(): void;
    /** Does nothing. */
    time(label?: string): void;
    /** Does nothing. */
    timeEnd(label?: string): void;
    /** Does nothing. */
    count(label?: string): void;
    /** Does nothing. */
    groupCollapsed(...values: unknown[]): void;
    /** Does nothing. */
    timeLog(label?: string, ...values: unknown[]): void;
    /** Does nothing. */
    countReset(label?: string): void;
    /** Does nothing. */
    clear(): void;
  }

  /** Bytes, with the part of Node's interface that stands here. */
  interface Buffer extends Uint8Array {
    /** The text of the bytes, or of some of them; UTF-8 when it says nothing. */
    toString(encoding?: Encoding, start?: number, end?: number): string;
    toJSON(): { type: 'Buffer'; data: number[] };
    equals(other: Uint8Array): boolean;
    compare(other: Uint8Array): number;
    indexOf(value: number | string | ArrayBufferView, from?: number, encoding?: Encoding): number;
    includes(value: number | string | ArrayBufferView, from?: number, encoding?: Encoding): boolean;
    readUInt8(at?: number): number;
    readUInt16BE(at?: number): number;
    readUInt32BE(at?: number): number;
    readUInt32LE(at?: number): number;
  }

  /** What makes bytes. */
  interface BufferConstructor {
    readonly prototype: Buffer;
    /** `from` and `alloc` say better what is meant. */
    new (given: number | ArrayLike<number> | ArrayBuffer): Buffer;
    from(text: string, encoding?: Encoding): Buffer;
    /** On the same memory. */
    from(memory: ArrayBuffer, offset?: number, length?: number): Buffer;
    from(bytes: ArrayLike<number> | Iterable<number> | { type: 'Buffer'; data: number[] }): Buffer;
    alloc(size: number, fill?: number | string | ArrayBufferView, encoding?: Encoding): Buffer;
    allocUnsafe(size: number): Buffer;
    isBuffer(value: unknown): value is Buffer;
    isEncoding(name: string): boolean;
    byteLength(value: string | ArrayBufferView, encoding?: Encoding): number;
    compare(one: Uint8Array, other: Uint8Array): number;
    concat(list: readonly Uint8Array[], total?: number): Buffer;
  }

  /** What can be required by name, and anything else cannot. */
  interface Require {
    (name: 'crypto' | 'node:crypto'): typeof import('crypto');
    (name: 'buffer' | 'node:buffer'): typeof import('buffer');
    (name: 'ipaddr.js'): typeof import('ipaddr.js');
    (name: 'keyward/ip'): typeof import('keyward/ip');
  }
}

/** As `Keyward.Event`, which is the one to name where a library has an `Event` of its own. */
interface Event extends Keyward.Event {}

/** As `Keyward.CredentialsExchangeAPI`. */
interface CredentialsExchangeAPI extends Keyward.CredentialsExchangeAPI {}

/** What the Action exports. */
declare var exports: Keyward.Exports;

/** The module that the Action is. */
declare var module: { exports: Keyward.Exports };

/**
 * Gives a module: `crypto`, `ipaddr.js`, `keyward/ip` or `buffer`. Any other name throws;
 * nothing is fetched from a registry.
 */
declare var require: Keyward.Require;

/** The name of the code in errors: `action.js`. */
declare var __filename: string;

/** Always `/`. */
declare var __dirname: string;

declare var console: Keyward.Console;

declare var Buffer: Keyward.BufferConstructor;

/** UTF-8, and nothing else. */
declare class TextEncoder {
  readonly encoding: 'utf-8';
  encode(text?: string): Uint8Array;
}

/** UTF-8, and nothing else; bytes that are none become U+FFFD. */
declare class TextDecoder {
  constructor(label?: 'utf-8' | 'utf8');
  readonly encoding: 'utf-8';
  decode(bytes?: ArrayBufferView): string;
}

/** Calls a function when the code that runs now has come to its end. */
declare function queueMicrotask(callback: () => void): void;

/** The text that base64 stands for, a character for each byte. What is no base64 is passed over. */
declare function atob(text: string): string;

/** Base64 of a text, a byte for each character. */
declare function btoa(text: string): string;

/** Addresses and lists, by the rules that Keyward's own allowlists have. */
declare module 'keyward/ip' {
  /** A list: a text with an entry a line (`203.0.113.0/24 # office`), or the entries. */
  type List = string | readonly string[];

  /** An address, a network or a list that is none. */
  export class AddressError extends Error {
    private constructor();
    /** What is wrong, for programs: `host_bits_set`, `leading_zero`, ... */
    readonly code: string;
    /** What was probably meant. */
    readonly suggestion?: string;
    /** In which line of a list, or which of its entries, counted from 1. */
    readonly line?: number;
  }

  /**
   * The canonical text of an address: `::ffff:203.0.113.7` is `203.0.113.7`.
   * @throws {AddressError} when it is none.
   */
  export function parse(address: string): string;

  /**
   * The canonical text of a network; a lone address gets `/32` or `/128`.
   * @throws {AddressError} when it is none, or has bits set beyond its length.
   */
  export function parseNetwork(network: string): string;

  /** Whether it is an address. */
  export function isValid(address: unknown): boolean;

  /** Whether it is a network or an address. */
  export function isValidNetwork(network: unknown): boolean;

  /**
   * Of which family an address is.
   * @throws {AddressError} when it is none.
   */
  export function version(address: string): 4 | 6;

  /**
   * Whether an address lies in a network.
   * @throws {AddressError} when one of them is none.
   */
  export function contains(network: string, address: string): boolean;

  /**
   * Whether an entry of a list covers an address.
   * @throws {AddressError} when the address, or any entry, is none.
   */
  export function matches(list: List, address: string): boolean;

  /**
   * The entry of a list that covers an address, the narrowest of several.
   * @throws {AddressError} when the address, or any entry, is none.
   */
  export function find(list: List, address: string): string | undefined;
}

/**
 * The part of the npm library of that name that address rules use, on Keyward's own parser: octal,
 * hexadecimal and shortened forms are no addresses.
 */
declare module 'ipaddr.js' {
  type Address = IPv4 | IPv6;
  /** A network and the length of its prefix. */
  type Cidr = [Address, number];
  type Range4 =
    | 'unicast' | 'unspecified' | 'broadcast' | 'multicast' | 'linkLocal' | 'loopback'
    | 'carrierGradeNat' | 'private' | 'as112' | 'amt' | 'reserved';
  type Range6 =
    | 'unicast' | 'unspecified' | 'linkLocal' | 'multicast' | 'loopback' | 'uniqueLocal'
    | 'ipv4Mapped' | 'discard' | 'rfc6145' | 'rfc6052' | '6to4' | 'teredo' | 'benchmarking' | 'amt'
    | 'as112v6' | 'deprecatedOrchid' | 'orchid2' | 'reserved';

  export class IPv4 {
    constructor(octets: readonly number[]);
    octets: number[];
    kind(): 'ipv4';
    toByteArray(): number[];
    toString(): string;
    toNormalizedString(): string;
    /** Throws for an address of the other family. */
    match(network: Address, bits: number): boolean;
    match(cidr: readonly [Address, number]): boolean;
    range(): Range4;
    toIPv4MappedAddress(): IPv6;
    prefixLengthFromSubnetMask(): number | null;
    static isValid(text: string): boolean;
    static isIPv4(text: string): boolean;
    static parse(text: string): IPv4;
    static parseCIDR(text: string): Cidr;
    static isValidCIDR(text: string): boolean;
  }

  export class IPv6 {
    /** Eight parts of 16 bits, or sixteen bytes. */
    constructor(parts: readonly number[]);
    parts: number[];
    kind(): 'ipv6';
    toByteArray(): number[];
    toString(): string;
    toNormalizedString(): string;
    toFixedLengthString(): string;
    /** Throws for an address of the other family. */
    match(network: Address, bits: number): boolean;
    match(cidr: readonly [Address, number]): boolean;
    range(): Range6;
    isIPv4MappedAddress(): boolean;
    toIPv4Address(): IPv4;
    static isValid(text: string): boolean;
    static isIPv6(text: string): boolean;
    static parse(text: string): IPv6;
    static parseCIDR(text: string): Cidr;
    static isValidCIDR(text: string): boolean;
  }

  /** Reads an address; throws when it is none. A mapped one stays an IPv6 address. */
  export function parse(text: string): Address;
  /** Reads a network; throws when it is none. */
  export function parseCIDR(text: string): Cidr;
  export function isValid(text: string): boolean;
  export function isValidCIDR(text: string): boolean;
  /** Reads an address; a mapped one becomes the IPv4 address that it holds. */
  export function process(text: string): Address;
  export function fromByteArray(bytes: readonly number[]): Address;
  /** The name of the first list that has the address. */
  export function subnetMatch(
    address: Address,
    list: { [name: string]: Cidr | Cidr[] },
    fallback?: string,
  ): string;
}

/** What scripts use of Node's module of that name. */
declare module 'crypto' {
  /** What is hashed or signed: a text, or bytes. */
  type Data = string | ArrayBufferView;

  /** Takes data piece by piece; `digest` ends it. */
  interface Digest {
    update(data: Data, encoding?: Keyward.Encoding): this;
    digest(): Keyward.Buffer;
    digest(encoding: 'buffer'): Keyward.Buffer;
    digest(encoding: Keyward.Encoding): string;
  }

  /** `sha1`, `sha224`, `sha256`, `sha384` or `sha512`; another name throws. */
  export function createHash(algorithm: string): Digest;
  /** The same, under a key. */
  export function createHmac(algorithm: string, key: Data): Digest;
  /** The digest in one call; `hex` when it says nothing. */
  export function hash(algorithm: string, data: Data, encoding?: Keyward.Encoding): string;
  export function getHashes(): string[];
  /** At most 65,536 bytes. */
  export function randomBytes(size: number): Keyward.Buffer;
  export function randomBytes(
    size: number,
    call: (error: null, bytes: Keyward.Buffer) => void,
  ): void;
  export function randomUUID(): string;
  /** From 0, or `min`, up to but without `max`. */
  export function randomInt(max: number): number;
  export function randomInt(min: number, max: number): number;
  /** Throws when the lengths differ. */
  export function timingSafeEqual(a: Data, b: Data): boolean;
}

declare module 'node:crypto' {
  export * from 'crypto';
}

declare module 'buffer' {
  export var Buffer: Keyward.BufferConstructor;
}

declare module 'node:buffer' {
  export * from 'buffer';
}
