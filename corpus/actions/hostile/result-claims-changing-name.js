// expect: contained
// Names of claims that are one thing when checked and another when written.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const changing = () => {
    let reads = 0;
    return { toString: () => (reads++ === 0 ? 'https://claims.example/a' : 'sub') };
  };
  for (const name of [changing(), ['sub'], Object('iss'), new Proxy(['scope'], {})]) {
    try {
      api.accessToken.setCustomClaim(name, 'admin');
    } catch (error) {
      // refused
    }
  }
};
