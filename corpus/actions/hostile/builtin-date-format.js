// expect: refused
// Formats dates at the edges of what a date can hold, without end.
exports.onExecuteCredentialsExchange = async () => {
  for (let i = 0; ; i++) {
    const date = new Date(i % 2 ? 8.64e15 - i : -8.64e15 + i);
    date.setMonth(i).toString();
    `${date.toLocaleString()}${date.toString()}`;
  }
};
