// expect: refused
// Reads dates from very long texts.
exports.onExecuteCredentialsExchange = async () => {
  const texts = [
    '1'.repeat(1000000),
    `2026-01-01T00:00:00.${'0'.repeat(1000000)}Z`,
    `${'('.repeat(500000)}${')'.repeat(500000)} Jan 1 2026`,
    ' '.repeat(1000000),
    `Jan ${'a'.repeat(1000000)} 2026`,
  ];
  for (let i = 0; ; i++) Date.parse(texts[i % texts.length]);
};
