"""The routes, in one place."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.core.errors import Permanent, Temporary
from bot.web.alertmanager import post_alerts
from bot.web.edge import Edge, Refusal, edge_of, gone, refusal, refuse, unavailable
from bot.web.health import livez, metrics, readyz
from bot.web.incidents import get_incident, get_incidents
from bot.web.openapi import openapi
from bot.web.pagerduty import post_pagerduty
from bot.web.runbooks import list_runbooks, show_runbook
from bot.web.signals import body_of, post_signals

HEADERS, HEAD_BYTES = 100, 65_536  # more is no client of ours


async def slack_events(request: Request) -> Response:
    """Slack's requests in http mode. Bolt's dispatch is synchronous, so it runs off the event loop."""
    dispatch = edge_of(request).slack
    if dispatch is None:
        raise Refusal(
            404, "the bot takes Slack's requests in socket mode; set WINDSOCK_SLACK__MODE=http for this address"
        )
    body = (await body_of(request)).decode("utf-8", "replace")
    status, headers, said = await run_in_threadpool(dispatch, body, dict(request.headers))
    return Response(said, status, headers=dict(headers))


ROUTES = [
    Route("/v1/signals", post_signals, methods=["POST"]),
    Route("/v1/alertmanager", post_alerts, methods=["POST"]),
    Route("/v1/pagerduty", post_pagerduty, methods=["POST"]),
    Route("/v1/incidents", get_incidents),
    Route("/v1/incidents/{incident_id}", get_incident),
    Route("/slack/events", slack_events, methods=["POST"]),
    Route("/runbooks", list_runbooks),
    Route("/runbooks/{name}", show_runbook),
    Route("/livez", livez),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
    Route("/openapi.json", openapi),
]


def site(edge: Edge) -> ASGIApp:
    """The ASGI application."""
    handlers = {Refusal: refuse, Temporary: unavailable, Permanent: unavailable, ClientDisconnect: gone}
    app = Starlette(routes=ROUTES, exception_handlers=handlers)
    app.state.edge = edge

    async def entry(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif refused := _head(scope):
            await refusal(refused)(scope, receive, send)
        elif scope["path"] == "/v1/signals" and scope["method"] == "POST":
            await _storm(app, scope, receive, send)
        else:
            await app(scope, receive, send)

    return entry


async def _storm(app: Starlette, scope: Scope, receive: Receive, send: Send) -> None:
    """The road that storms take, without Starlette's layers, which cost a tenth of an answer."""
    scope["app"] = app
    request = Request(scope, receive, send)
    try:
        response = await post_signals(request)
    except Refusal as error:
        response = refusal(error)
    except (Temporary, Permanent) as error:
        response = await unavailable(request, error)
    except ClientDisconnect:
        return
    await response(scope, receive, send)


def _head(scope: Scope) -> Refusal | None:
    """Why this head is refused. h11 bounds what it keeps while a head arrives, not what it hands on."""
    if scope["http_version"] not in {"1.0", "1.1"}:
        return Refusal(505, "HTTP: only versions 1.0 and 1.1 are served here", Connection="close")
    headers = scope["headers"]
    if len(headers) > HEADERS or len(scope["raw_path"]) + sum([len(k) + len(v) for k, v in headers]) > HEAD_BYTES:
        return Refusal(431, "the request's head is too large", Connection="close")
    return None
