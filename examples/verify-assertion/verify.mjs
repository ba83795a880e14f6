// Verifies what X-Client-Assertion holds, read from standard input, and prints what it says.
// `npm ci`, then `node verify.mjs ISSUER AUDIENCE [JWKS-URL] < assertion`
import { text } from "node:stream/consumers";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [issuer, audience, jwks] = process.argv.slice(2);
// An issuer or audience that is not there would not be checked.
if (!issuer || !audience) throw new Error("usage: node verify.mjs ISSUER AUDIENCE [JWKS-URL]");

// Fetched once and kept; fetched again when an assertion names a key that is not among them.
const keys = createRemoteJWKSet(new URL(jwks ?? ".well-known/jwks.json", issuer));

async function verify(assertion) {
  const { payload } = await jwtVerify(assertion, keys, {
    algorithms: ["ES256"],
    typ: "keyward-assertion+jwt", // access tokens have another, and are none
    issuer,
    audience,
    requiredClaims: ["exp"],
    clockTolerance: 5, // seconds
  });
  return payload;
}

try {
  console.log(JSON.stringify(await verify((await text(process.stdin)).trim()), null, 2));
} catch (error) {
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
