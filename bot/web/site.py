"""The routes, in one place."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.core.errors import Permanent, Temporary
from bot.web.alertmanager import post_alerts
from bot.web.edge import Edge, Refusal, edge_of, refuse, unavailable
from bot.web.health import livez, metrics, readyz
from bot.web.incidents import get_incident, get_incidents
from bot.web.openapi import openapi
from bot.web.pagerduty import post_pagerduty
from bot.web.runbooks import list_runbooks, show_runbook
from bot.web.signals import body_of, post_signals


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


def site(edge: Edge) -> Starlette:
    """The ASGI application."""
    handlers = {Refusal: refuse, Temporary: unavailable, Permanent: unavailable}
    app = Starlette(routes=ROUTES, exception_handlers=handlers)
    app.state.edge = edge
    return app
