"""A small API that Keyward guards. `pip install -r requirements.txt`, then `python app.py`."""

import asyncio
import logging
import os

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

CHECK = os.environ.get("KEYWARD_CHECK", "http://127.0.0.1:8081/v1/check/orders")
TOKEN = os.environ["KEYWARD_GATEWAY_TOKEN"]  # `keyward gateway create` prints it
CREDENTIALS = (b"authorization", b"x-api-key")
PASSED_BACK = ("content-type", "retry-after", "www-authenticate", "x-request-id")
# Keeps connections. trust_env would let proxies and ~/.netrc into the question.
node = httpx.AsyncClient(trust_env=False)


class Keyward:
    """Asks Keyward before anything else sees a request. Only its 200 lets one in."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        # The socket's peer. Port 0 is uvicorn's sign that it was told by a header: no address then.
        host, port = scope.get("client") or ("", 0)
        question = [
            (b"X-Gateway-Token", TOKEN.encode()),
            (b"X-Real-IP", host.encode() if port else b""),
            (b"X-Original-Method", scope.get("method", "GET").encode()),
            (b"X-Original-URI", scope["raw_path"] + b"?" + scope["query_string"]),
            # Every line, where request.headers["authorization"] gives one.
            *((name, value) for name, value in scope["headers"] if name in CREDENTIALS),
        ]
        try:
            answer = await asyncio.wait_for(node.get(CHECK, headers=question), timeout=1)
        except Exception:
            logging.exception("Keyward does not answer, the request is refused")
            body = {"error": "temporarily_unavailable"}
            refusal = JSONResponse(body, 503, {"Retry-After": "1"})
            return await refusal(scope, receive, send)
        if answer.status_code == 200 and "x-client-id" in answer.headers:
            # Not request.headers, where a caller may have written its own.
            scope["caller"] = answer.headers
            return await self.app(scope, receive, send)
        headers = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
        status = answer.status_code if answer.status_code >= 400 else 503
        await Response(answer.content, status, headers)(scope, receive, send)


app = FastAPI()
app.add_middleware(Keyward)


@app.get("/orders")
def orders(request: Request):
    caller = request.scope["caller"]
    return {
        "client_id": caller["x-client-id"],
        "account_id": caller["x-account-id"],
        "scope": caller["x-client-scope"],
        "client_ip": caller["x-client-ip"],
    }


if __name__ == "__main__":
    # Without proxy_headers=False, uvicorn believes X-Forwarded-For of callers on this machine.
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ.get("PORT", 3000)), proxy_headers=False)
