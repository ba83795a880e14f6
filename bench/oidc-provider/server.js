// npm's oidc-provider as it is set up to issue access tokens to machines: client_credentials,
// client_secret_post, JWTs signed by the algorithm of the resource, everything in memory.
//   node server.js SETTINGS.json
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const key = (type, options, kid, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  kid,
  alg,
  use: 'sig',
});
const rsa = { modulusLength: 2048 };
const keys = [
  key('rsa', rsa, 'rs', 'RS256'),
  key('rsa', rsa, 'ps', 'PS256'),
  key('ec', { namedCurve: 'P-256' }, 'es', 'ES256'),
  key('ed25519', {}, 'ed', 'EdDSA'),
];

const resources = new Map(
  settings.apis.map(({ audience, alg }) => [
    audience,
    {
      scope: settings.scope,
      audience,
      accessTokenTTL: 86400,
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg } },
    },
  ]),
);

const provider = new Provider(`http://127.0.0.1:${settings.port}`, {
  jwks: { keys },
  scopes: settings.scope.split(' '),
  clients: settings.clients.map(({ id, secret }) => ({
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: 'client_secret_post',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    scope: settings.scope,
  })),
  ttl: { ClientCredentials: 86400 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (ctx, resource) => resources.get(resource),
    },
  },
});
provider.listen(settings.port, '127.0.0.1');
