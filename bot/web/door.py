"""The door in front of the site: plain signals go straight to the one writer, everything else goes on to the routes.

Hard case: a storm. A request that the routes take costs several times what its commit does, so what comes by the thousand
is answered here. Rule: only what is right in every way is answered 202 here; whatever is odd is judged by the routes, which
are given the request as it came.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.store.signals import Letter
from bot.web.edge import Edge, Refusal, is_bearer, refusal
from bot.web.plain import plain
from bot.web.signals import kept

_AUTHORIZATION = b"authorization"


class Door:
    """An ASGI application in front of another."""

    def __init__(self, app: ASGIApp, edge: Edge) -> None:
        self._app, self._edge = app, edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/v1/signals" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        first = await receive()
        signal = self._plain(scope, first)
        if signal is None:
            await self._app(scope, _from(first, receive), send)
            return
        try:
            receipt = await kept(self._edge, (signal,))
        except Refusal as error:
            await refusal(error)(scope, receive, send)
            return
        await _accepted(send, b'{"accepted":%d,"duplicates":%d}' % (receipt.accepted, receipt.duplicates))

    def _plain(self, scope: Scope, message: Message) -> Letter | None:
        if message["type"] != "http.request" or message.get("more_body", False):
            return None
        token = self._edge.token
        if token and not is_bearer(_header(scope, _AUTHORIZATION), token):
            return None
        return plain(message.get("body", b""))


async def _accepted(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _header(scope: Scope, wanted: bytes) -> str:
    value: bytes = next((value for name, value in scope["headers"] if name == wanted), b"")
    return value.decode("latin-1")


def _from(first: Message, receive: Receive) -> Receive:
    """The request from its first message on."""
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
