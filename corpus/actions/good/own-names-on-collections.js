// Own properties on arrays, maps and dates that are named like the methods of their kind.
class Registry extends Map {
  constructor(entries) {
    super(entries);
    this.keys = 'own keys';
  }
  get(key) {
    return super.get(key) ?? 'none';
  }
}

exports.onExecuteCredentialsExchange = async (event, api) => {
  const list = [3, 1, 2];
  list.find = 'own find';
  list.at = (index) => `own ${index}`;
  const date = new Date(0);
  date.getTime = () => 'own time';
  const pattern = /a/;
  pattern.test = () => 'own test';
  const registry = new Registry([['a', 1]]);

  api.accessToken.setCustomClaim('https://claims.example/own', {
    find: list.find,
    at: list.at(1),
    sorted: list.sort(),
    time: date.getTime(),
    test: pattern.test('b'),
    keys: registry.keys,
    got: [registry.get('a'), registry.get('b')],
  });
};
