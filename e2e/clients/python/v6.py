"""auth0-python 6: a customer's key from its making to its end."""

import httpx
from auth0.authentication import GetToken
from auth0.authentication.exceptions import Auth0Error
from auth0.management import ManagementClient
from auth0.management.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from doors import CLIENT_ID, CLIENT_SECRET, DOMAIN, INSIDE, OUTSIDE, fault, opens_from, source

IDENTIFIER = "https://orders-py6.example/"
management = ManagementClient(domain=DOMAIN, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)


def allow(ips, **fields):
    """What a typed SDK does not know travels in its own way for that."""
    return {"additional_body_parameters": {"allowed_ips": ips, **fields}}


api = management.resource_servers.create(
    identifier=IDENTIFIER, name="Orders", scopes=[{"value": "read:orders"}], token_lifetime=600
)
assert management.resource_servers.get(IDENTIFIER).id == api.id
client = management.clients.create(
    name="Customer",
    app_type="non_interactive",
    grant_types=["client_credentials"],
    client_metadata={"customer": "a"},
    request_options=allow([INSIDE]),
)
assert client.allowed_ips == [INSIDE], client.allowed_ips
assert client.allowlist_mode == "enforce"
grant = management.client_grants.create(
    client_id=client.client_id, audience=IDENTIFIER, scope=["read:orders"]
)


def token(address):
    """Sends JSON, with `organization: null`."""
    get_token = GetToken(DOMAIN, client.client_id, client_secret=client.client_secret)
    with source(address):
        return get_token.client_credentials(IDENTIFIER)


answer = token(INSIDE)
assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 600, "read:orders")
refusal = fault(lambda: token(OUTSIDE), Auth0Error)
assert (refusal.status_code, refusal.error_code) == (403, "access_denied"), refusal

opens_from(INSIDE, answer["access_token"])
edited = management.clients.update(client.client_id, request_options=allow([OUTSIDE, "2001:db8::/32"]))
assert edited.allowed_ips == [OUTSIDE, "2001:db8::/32"]
opens_from(OUTSIDE, answer["access_token"])
report = management.clients.update(
    client.client_id, request_options=allow([INSIDE], allowlist_mode="report")
)
assert management.clients.get(client.client_id).allowlist_mode == "report"

refused = fault(
    lambda: management.clients.update(
        client.client_id, request_options=allow(["192.0.2.1", "10.0.0.1/8", "office"])
    ),
    BadRequestError,
)
body = dict(refused.body)
assert body["errorCode"] == "invalid_body", body
assert "10.0.0.1/8" in body["message"] and "office" in body["message"], body
gone = fault(lambda: management.clients.get("nobody"), NotFoundError)
assert (gone.status_code, dict(gone.body)["errorCode"]) == (404, "inexistent_client")
fault(lambda: management.resource_servers.create(identifier=IDENTIFIER, name="Again"), ConflictError)

# Somebody who may only read; and somebody whose token is refused.
reader = management.clients.create(name="Reader", app_type="non_interactive")
management.client_grants.create(
    client_id=reader.client_id, audience=f"https://{DOMAIN}/api/v2/", scope=["read:clients"]
)
limited = ManagementClient(
    domain=DOMAIN, client_id=reader.client_id, client_secret=reader.client_secret
)
forbidden = fault(lambda: limited.clients.create(name="No"), ForbiddenError)
assert dict(forbidden.body)["errorCode"] == "insufficient_scope", forbidden.body
nobody = ManagementClient(domain=DOMAIN, client_id=reader.client_id, client_secret="wrong")
fault(nobody.clients.list, httpx.HTTPStatusError)

# Listings to their end.
for n in range(30):
    management.clients.create(name=f"many {n}", app_type="native")
every = [found.client_id for found in management.clients.list()]
assert len(every) == len(set(every)) == 33, len(every)
assert [found.client_id for found in management.clients.list(per_page=7)] == every
for n in range(5):
    audience = f"https://more-{n}.example/"
    management.resource_servers.create(identifier=audience, name="More")
    management.client_grants.create(client_id=client.client_id, audience=audience, scope=[])
grants = [found.id for found in management.client_grants.list(client_id=client.client_id, take=2)]
assert len(set(grants)) == 6, grants
assert len(list(management.resource_servers.list(per_page=3))) == 7

# A client that shows a signature in place of a secret.
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
signer = management.clients.create(
    name="Signer",
    app_type="non_interactive",
    grant_types=["client_credentials"],
    client_authentication_methods={
        "private_key_jwt": {"credentials": [{"credential_type": "public_key", "pem": public}]}
    },
    request_options=allow([INSIDE]),
)
management.client_grants.create(client_id=signer.client_id, audience=IDENTIFIER, scope=[])


def signed(address):
    get_token = GetToken(DOMAIN, signer.client_id, client_assertion_signing_key=pem)
    with source(address):
        return get_token.client_credentials(IDENTIFIER)["access_token"]


opens_from(INSIDE, signed(INSIDE))
refusal = fault(lambda: signed(OUTSIDE), Auth0Error)
assert (refusal.status_code, refusal.error_code) == (403, "access_denied"), refusal

# An Action that guards tokens.
CODE = """
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (!event.secrets.ADDRESSES.split(',').includes(event.request.ip)) {
    return api.access.deny('invalid_request', 'not from there');
  }
};
"""
guarded = management.clients.create(
    name="Guarded", app_type="non_interactive", grant_types=["client_credentials"]
)
management.client_grants.create(client_id=guarded.client_id, audience=IDENTIFIER, scope=[])


def ask(address):
    get_token = GetToken(DOMAIN, guarded.client_id, client_secret=guarded.client_secret)
    with source(address):
        return get_token.client_credentials(IDENTIFIER)


action = management.actions.create(
    name="Allow list",
    code=CODE,
    supported_triggers=[{"id": "credentials-exchange", "version": "v2"}],
    secrets=[{"name": "ADDRESSES", "value": INSIDE}],
)
tried = management.actions.test(action.id, payload={"event": {"request": {"ip": OUTSIDE}}})
assert dict(tried.payload)["denied"]["reason"] == "not from there", tried
management.actions.deploy(action.id)
bindings = [{"ref": {"type": "action_name", "value": "Allow list"}, "display_name": "Allow list"}]
management.actions.triggers.bindings.update_many("credentials-exchange", bindings=bindings)
assert ask(INSIDE)["access_token"]
refusal = fault(lambda: ask(OUTSIDE), Auth0Error)
told = (refusal.status_code, refusal.error_code, refusal.message)
assert told == (400, "invalid_request", "not from there"), refusal
management.actions.triggers.bindings.update_many("credentials-exchange", bindings=[])
assert ask(OUTSIDE)["access_token"]
management.actions.delete(action.id)

rotated = management.clients.rotate_secret(client.client_id)
assert rotated.client_secret != client.client_secret
management.clients.delete(client.client_id)
management.clients.delete(client.client_id)
management.client_grants.delete(grant.id)
management.resource_servers.delete(IDENTIFIER)
print("done")
