"""Verifies what X-Client-Assertion holds, read from standard input, and prints what it says.

`pip install -r requirements.txt`, then `python verify.py ISSUER AUDIENCE [JWKS-URL] < assertion`
"""

import json
import sys
from urllib.parse import urljoin

import jwt

if len(sys.argv) not in (3, 4):
    sys.exit("usage: python verify.py ISSUER AUDIENCE [JWKS-URL]")
issuer, audience = sys.argv[1:3]
jwks = sys.argv[3] if len(sys.argv) == 4 else urljoin(issuer, ".well-known/jwks.json")

# Fetched once and kept; fetched again when an assertion names a key that is not among them.
keys = jwt.PyJWKClient(jwks)


def verify(assertion):
    token = jwt.decode_complete(
        assertion,
        keys.get_signing_key_from_jwt(assertion),
        algorithms=["ES256"],
        issuer=issuer,
        audience=audience,
        options={"require": ["exp", "iss", "aud"]},
        leeway=5,  # seconds
    )
    # PyJWT leaves this to us. Access tokens have another typ, and are none.
    if token["header"].get("typ") != "keyward-assertion+jwt":
        raise jwt.InvalidTokenError("it is no assertion: another typ")
    return token["payload"]


try:
    print(json.dumps(verify(sys.stdin.read().strip()), indent=2))
except jwt.PyJWTError as error:
    sys.exit(f"refused: {error}")
