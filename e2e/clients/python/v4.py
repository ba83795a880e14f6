"""auth0-python 4, and auth0-api-python, which verifies tokens."""

import asyncio

from auth0.authentication import GetToken
from auth0.exceptions import Auth0Error
from auth0.management import Auth0
from auth0_api_python import ApiClient, ApiClientOptions
from auth0_api_python.errors import VerifyAccessTokenError
from doors import CLIENT_ID, CLIENT_SECRET, DOMAIN, INSIDE, OUTSIDE, fault, opens_from, source

IDENTIFIER = "https://orders-py4.example/"
own = GetToken(DOMAIN, CLIENT_ID, client_secret=CLIENT_SECRET)
management = Auth0(DOMAIN, own.client_credentials(f"https://{DOMAIN}/api/v2/")["access_token"])

api = management.resource_servers.create(
    {"identifier": IDENTIFIER, "name": "Orders", "scopes": [{"value": "read:orders"}]}
)
client = management.clients.create(
    {
        "name": "Customer",
        "app_type": "non_interactive",
        "grant_types": ["client_credentials"],
        "allowed_ips": [INSIDE],
    }
)
assert (client["allowed_ips"], client["allowlist_mode"]) == ([INSIDE], "enforce")
grant = management.client_grants.create(
    {"client_id": client["client_id"], "audience": IDENTIFIER, "scope": ["read:orders"]}
)


def token(address):
    """Sends JSON, with `organization: null`."""
    get_token = GetToken(DOMAIN, client["client_id"], client_secret=client["client_secret"])
    with source(address):
        return get_token.client_credentials(IDENTIFIER)["access_token"]


issued = token(INSIDE)
refusal = fault(lambda: token(OUTSIDE), Auth0Error)
assert (refusal.status_code, refusal.error_code) == (403, "access_denied"), refusal

opens_from(INSIDE, issued)
edited = management.clients.update(client["client_id"], {"allowed_ips": [OUTSIDE]})
assert edited["allowed_ips"] == [OUTSIDE]
opens_from(OUTSIDE, issued)

refused = fault(
    lambda: management.clients.update(client["client_id"], {"allowed_ips": ["10.0.0.1/8", "office"]}),
    Auth0Error,
)
assert (refused.status_code, refused.error_code) == (400, "invalid_body")
assert "10.0.0.1/8" in refused.message and "office" in refused.message, refused.message
gone = fault(lambda: management.clients.get("nobody"), Auth0Error)
assert (gone.status_code, gone.error_code) == (404, "inexistent_client")

plain = management.clients.all()
assert [found["name"] for found in plain if found["client_id"] == client["client_id"]] == ["Customer"]
page = management.clients.all(page=0, per_page=1)
assert len(page) == 1, page
grants = management.client_grants.all(client_id=client["client_id"])
assert [found["audience"] for found in grants] == [IDENTIFIER], grants


async def verify(audience):
    verifier = ApiClient(ApiClientOptions(domain=DOMAIN, audience=audience))
    return await verifier.verify_access_token(access_token=issued)


claims = asyncio.run(verify(IDENTIFIER))
assert claims["sub"] == f"{client['client_id']}@clients", claims
assert claims["scope"] == "read:orders", claims
fault(lambda: asyncio.run(verify("https://other.example/")), VerifyAccessTokenError)

# An Action that refuses everybody, and is taken away again.
CODE = "exports.onExecuteCredentialsExchange = async (e, api) => api.access.deny('invalid_scope', 'no');"
action = management.actions.create_action(
    {
        "name": "Nobody",
        "code": CODE,
        "supported_triggers": [{"id": "credentials-exchange", "version": "v2"}],
    }
)
management.actions.deploy_action(action["id"])
bindings = [{"ref": {"type": "action_name", "value": "Nobody"}, "display_name": "Nobody"}]
management.actions.update_trigger_bindings("credentials-exchange", {"bindings": bindings})
refusal = fault(lambda: token(OUTSIDE), Auth0Error)
assert (refusal.status_code, refusal.error_code, refusal.message) == (400, "invalid_scope", "no")
management.actions.update_trigger_bindings("credentials-exchange", {"bindings": []})
assert token(OUTSIDE)
management.actions.delete_action(action["id"])

rotated = management.clients.rotate_secret(client["client_id"])
assert rotated["client_secret"] != client["client_secret"]
management.clients.delete(client["client_id"])
management.clients.delete(client["client_id"])
management.client_grants.delete(grant["id"])
management.resource_servers.delete(api["id"])
print("done")
