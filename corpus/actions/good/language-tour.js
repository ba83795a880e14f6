// Parts of the language that scripts like to use.
const tag = (strings, ...values) => strings.raw.join('_') + values.join('+');

class Counter {
  static #made = 0;
  #count = 0;
  static get made() {
    return Counter.#made;
  }
  constructor() {
    Counter.#made += 1;
  }
  add({ by = 1 } = {}) {
    this.#count += by;
    return this;
  }
  get count() {
    return this.#count;
  }
}

async function* letters(text) {
  for (const letter of text) {
    await null;
    yield letter;
  }
}

exports.onExecuteCredentialsExchange = async (event, api) => {
  const collected = [];
  for await (const letter of letters('abc')) collected.unshift(letter);

  let missing = null;
  missing ??= 'filled';

  outer: for (const a of [1, 2, 3]) {
    for (const b of [1, 2, 3]) {
      if (a * b === 6) break outer;
      if (b > a) continue outer;
      collected.push(a * b);
    }
  }

  const weak = new WeakMap([[api, 'kept']]);
  const grouped = ['one', 'two', 'three'].reduce((groups, word) => {
    (groups[word.length] ||= []).push(word);
    return groups;
  }, {});

  api.accessToken.setCustomClaim('https://claims.example/tour', {
    collected,
    missing,
    counter: new Counter().add().add({ by: 2 }).count,
    made: Counter.made,
    tagged: tag`a${1}b${2}c`,
    power: 2 ** 10,
    big: (2n ** 64n).toString(),
    weak: weak.get(api),
    grouped,
    last: [1, 2, 3].at(-1),
    flat: [[1], [2, [3]]].flat(),
    sorted: ['b', 'C', 'a'].sort((x, y) => x.localeCompare(y, 'en') || 0).length,
    iso: new Date(Date.UTC(2026, 0, 31, 12)).toISOString(),
    nothing: void 0 ?? null,
    symbol: Symbol('s').description,
    number: Number.parseFloat('1.50').toFixed(2),
    code: 'abc'.codePointAt(1).toString(16),
    entries: Object.fromEntries(new Map([['k', 'v']])),
  });
};
