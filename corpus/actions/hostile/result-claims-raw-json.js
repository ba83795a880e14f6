// expect: contained
// Raw JSON as a claim, where the engine has it.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const raw = JSON.rawJSON ? JSON.rawJSON('1e999999') : { rawJSON: '1},"sub":"admin"' };
  api.accessToken.setCustomClaim('https://claims.example/raw', raw);
};
