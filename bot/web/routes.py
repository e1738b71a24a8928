"""The routes, in one place."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.core.errors import Permanent, Temporary
from bot.web.alertmanager import post_alerts
from bot.web.health import livez, metrics, readyz
from bot.web.http import Edge, Refusal, gone, refusal, refuse, unavailable
from bot.web.incidents import get_incident, get_incidents
from bot.web.openapi import openapi
from bot.web.pagerduty import post_pagerduty
from bot.web.runbooks import list_runbooks, show_runbook
from bot.web.signals import post_signals
from bot.web.slack import post_slack

HEADERS, HEAD_BYTES = 100, 65_536  # no legitimate client sends more


ROUTES = [
    Route("/v1/signals", post_signals, methods=["POST"]),
    Route("/v1/alertmanager", post_alerts, methods=["POST"]),
    Route("/v1/pagerduty", post_pagerduty, methods=["POST"]),
    Route("/v1/incidents", get_incidents),
    Route("/v1/incidents/{incident_id}", get_incident),
    Route("/slack/events", post_slack, methods=["POST"]),
    Route("/runbooks", list_runbooks),
    Route("/runbooks/{name}", show_runbook),
    Route("/livez", livez),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
    Route("/openapi.json", openapi),
]


def site(edge: Edge) -> Starlette:
    """The ASGI application."""
    handlers = {Refusal: refuse, Temporary: unavailable, Permanent: unavailable, ClientDisconnect: gone}
    app = _Site(routes=ROUTES, exception_handlers=handlers)
    app.state.edge = edge
    app.router.redirect_slashes = False  # it would redirect to whatever the Host header says
    return app


class _Site(Starlette):
    """Refuses bad heads, and serves POST /v1/signals without Starlette's layers, which cost a tenth of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refused := _head(scope)):
            await refusal(refused)(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == "/v1/signals" and scope["method"] == "POST":
            scope["app"] = self
            await (await _storm(Request(scope, receive, send)))(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


async def _storm(request: Request) -> Response:
    try:
        return await post_signals(request)
    except Refusal as error:
        return await refuse(request, error)
    except (Temporary, Permanent) as error:
        return await unavailable(request, error)
    except ClientDisconnect as error:
        return await gone(request, error)


def _head(scope: Scope) -> Refusal | None:
    """Why this head is refused; None if it is acceptable. h11 limits only the part of a head that it buffers."""
    if scope["http_version"] not in {"1.0", "1.1"}:
        return Refusal(505, "HTTP: only versions 1.0 and 1.1 are served here", Connection="close")
    headers = scope["headers"]
    if len(headers) > HEADERS or len(scope["raw_path"]) + sum([len(k) + len(v) for k, v in headers]) > HEAD_BYTES:
        return Refusal(431, "the request's head is too large", Connection="close")
    return None
