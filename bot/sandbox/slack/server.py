"""Assembles the local Slack: Web API, sockets, response_url, uploads, the page and /_sandbox.

The page shows text from untrusted sources, so its content policy forbids every script but its own.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from bot.sandbox.processes import serving
from bot.sandbox.slack import api, control
from bot.sandbox.slack.delivery import response_url
from bot.sandbox.slack.delivery.delivery import Delivery
from bot.sandbox.slack.delivery.http_mode import HttpMode
from bot.sandbox.slack.delivery.socket_mode import SocketMode
from bot.sandbox.slack.people import People
from bot.sandbox.slack.rules.config import Config
from bot.sandbox.slack.rules.errors import SlackError
from bot.sandbox.slack.state.workspace import Workspace

PAGE = Path(__file__).parent / "page"
POLICY = (
    "default-src 'self'; img-src 'self' data: https: http:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Running:
    """A workspace that is served in a thread of this process."""

    url: str
    config: Config
    workspace: Workspace

    @property
    def api_url(self) -> str:
        """The base_url for a WebClient."""
        return f"{self.url}/api/"


def create_app(config: Config, url: str = "") -> Starlette:
    """The ASGI application; `url` is its own address, used in the addresses that it returns."""
    workspace = Workspace(config)
    workspace.url = url
    sockets = SocketMode(workspace)
    http = HttpMode(config) if config.http_url else None
    delivery = Delivery(workspace, http or sockets)
    routes = [
        Route("/api/{method}", api.answer, methods=["GET", "POST"]),
        WebSocketRoute("/link/", sockets.serve),
        Route("/actions/{key:path}", answer_by_response_url, methods=["POST"]),
        Route("/upload/v1/{file}", upload, methods=["POST"]),
        Route("/files/{file}", download),
        Route("/archives/{channel}/{message}", permalink),
        *control.ROUTES,
        Route("/", page),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await delivery.close()

    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.on_stop = workspace.live.end
    app.state.workspace, app.state.sockets = workspace, sockets
    app.state.http = http
    app.state.people = People(workspace, delivery)
    return app


@contextmanager
def running(config: Config | None = None) -> Iterator[Running]:
    """Serves a workspace on a free port (or `config.port`) in a thread, until the block ends."""
    config = config or Config()
    with serving.bound(config.host, config.port) as (listener, url):
        app = create_app(config, url)
        with serving.in_thread(app, listener):
            yield Running(url, config, app.state.workspace)


async def page(request: Request) -> Response:
    del request
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return FileResponse(PAGE / "index.html", headers=headers)


async def permalink(request: Request) -> Response:
    digits = request.path_params["message"].removeprefix("p")
    return RedirectResponse(f"/#{request.path_params['channel']}/{digits[:-6]}.{digits[-6:]}")


async def answer_by_response_url(request: Request) -> Response:
    workspace: Workspace = request.app.state.workspace
    raw = await request.body()
    response: Response = PlainTextResponse("ok")
    try:
        if workspace.faults.strike("response_url", "down"):
            raise SlackError("service_unavailable", status=503)
        if (ill := await api.ill(workspace, "response_url")) is not None:
            return ill
        response_url.use(workspace, request.path_params["key"], json.loads(raw or b"{}"))
    except ValueError:
        response = PlainTextResponse("invalid_payload", 400)
    except SlackError as error:
        response = JSONResponse(error.body(), error.status if error.status != 200 else 400)
    said = {"body": raw.decode("utf-8", "replace")[:300]}
    at = datetime.now(UTC).isoformat()
    workspace.note(at=at, kind="answer", method="response_url", arguments=said, status=response.status_code)
    return response


async def upload(request: Request) -> Response:
    file = request.app.state.workspace.files.files.get(request.path_params["file"])
    if file is None or file.complete:
        return PlainTextResponse("no such upload", 404)
    body, content_type = await request.body(), request.headers.get("content-type", "")
    file.data = _first_part(content_type, body) if content_type.startswith("multipart/") else body
    return PlainTextResponse(f"OK - {len(file.data)}")


async def download(request: Request) -> Response:
    file = request.app.state.workspace.files.files.get(request.path_params["file"])
    if file is None or not file.complete:
        return PlainTextResponse("no such file", 404)
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    return Response(file.data, media_type=file.mimetype, headers=headers)


def _first_part(content_type: str, body: bytes) -> bytes:
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    whole = parser.parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    part = next(iter(whole.iter_parts()), None)
    payload = part.get_payload(decode=True) if part else b""
    return payload if isinstance(payload, bytes) else b""
