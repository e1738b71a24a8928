"""An answer that is never sent: the connection is closed instead.

uvicorn turns an unanswered request into a 500, which is an answer, so its transport is closed first. The call's effects
stay; only the answer is lost.
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


class HangUp(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del send
        scope["state"]["transport"].close()
        while (await receive())["type"] != "http.disconnect":
            pass


class KeepsTransport:
    """Outermost ASGI layer: stores the connection's transport for `HangUp`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            cycle = getattr(send, "__self__", None)
            scope.setdefault("state", {})["transport"] = getattr(cycle, "transport", None)
        await self.app(scope, receive, send)
