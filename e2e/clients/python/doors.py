"""Where requests come from, and both doors: the token endpoint, and the guarded API behind nginx."""

import contextlib
import os
import socket
import urllib.error
import urllib.request

DOMAIN = os.environ["DOMAIN"]
CLIENT_ID = os.environ["CLIENT_ID"]
CLIENT_SECRET = os.environ["CLIENT_SECRET"]
GUARDED = os.environ["GUARDED"]
INSIDE = "127.0.0.2"
OUTSIDE = "127.0.0.3"

_connect = socket.socket.connect


@contextlib.contextmanager
def source(address):
    """Every connection of this process comes from an address."""

    def connect(self, to):
        if self.family == socket.AF_INET:
            self.bind((address, 0))
        return _connect(self, to)

    socket.socket.connect = connect
    try:
        yield
    finally:
        socket.socket.connect = _connect


def guarded(address, token):
    """The status of a call to the guarded API."""
    request = urllib.request.Request(f"{GUARDED}/orders/", headers={"Authorization": f"Bearer {token}"})
    with source(address):
        try:
            return urllib.request.urlopen(request, timeout=20).status
        except urllib.error.HTTPError as error:
            return error.code


def opens_from(address, token):
    """The token opens from one of the two addresses and not from the other."""
    other = OUTSIDE if address == INSIDE else INSIDE
    assert guarded(address, token) == 200, f"from {address}"
    assert guarded(other, token) == 403, f"from {other}"


def fault(call, error):
    """The error that a call ends in."""
    try:
        call()
    except error as raised:
        return raised
    raise AssertionError(f"no {error.__name__}")
