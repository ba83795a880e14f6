// expect: contained
// Sets the claims that only the server may write.
const names = [
  'iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'azp', 'gty', 'scope', 'client_id', 'cnf',
  'permissions', 'org_id', 'org_name', 'act', 'may_act', 'alg', 'kid', 'typ', 'roles', 'groups',
];

exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const name of names) api.accessToken.setCustomClaim(name, 'admin');
  api.accessToken.setCustomClaim('exp', 9999999999);
  api.accessToken.setCustomClaim('aud', ['https://admin.example/']);
};
