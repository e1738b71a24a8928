"""A local PagerDuty: accepts events, shows its incidents on a page, reports presses by signed webhooks.

An event is accepted (202) before it is an incident, and one that changes nothing is accepted as well. It is as strict
as PagerDuty's documentation: length, key, severity, 120 events a minute per key; every call is in the log.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.sandbox.pagerduty import events
from bot.sandbox.pagerduty.account import STATUS, Account, Incident, oncalls, person
from bot.sandbox.pagerduty.webhooks import Webhooks
from bot.sandbox.processes import serving
from bot.sandbox.processes.drop_connection import HangUp

PAGE = Path(__file__).parent / "page"
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
EVENTS_A_MINUTE = 120
Asked = Callable[[Request], Awaitable[Response]]
INCLUDES = {"escalation_policies", "users", "schedules"}
FAULTS = ("down", "status", "lost_answer")


@dataclass(frozen=True)
class Config:
    host: str = "127.0.0.1"
    port: int = 0
    api_token: str = "sandbox-api-token"  # noqa: S105 - the sandbox's own, known to everybody
    webhook_url: str | None = None
    webhook_secret: str = "sandbox-webhook-secret"  # noqa: S105


@dataclass(frozen=True)
class Running:
    url: str
    config: Config


class Refusal(Exception):
    """Answered with this status and body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body)
        self.status, self.body = status, body


class PagerDuty:
    def __init__(self, config: Config, url: str) -> None:
        self.config, self.url = config, url
        self.account = Account()
        self.log: deque[dict[str, Any]] = deque(maxlen=5000)
        self.faults: list[dict[str, Any]] = []
        self.recent: dict[str, deque[float]] = {}
        self.webhooks = Webhooks(url, config.webhook_url, config.webhook_secret, self.note)

    async def enqueue(self, request: Request) -> Response:
        body = await request.body()
        if len(body) > events.BODY_BYTES:
            raise Refusal(413, {"status": "invalid event", "message": "Event is too large", "errors": []})
        event = _json(body)
        if errors := events.faults(event):
            raise Refusal(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})
        self._pace(event["routing_key"])
        event.setdefault("dedup_key", uuid.uuid4().hex)
        incident, changed = self.account.take(event)
        if incident and changed:
            self.webhooks.owe(incident, STATUS.get(event["event_action"], "triggered"), None)
        done = {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
        return JSONResponse(done, 202)

    async def oncalls(self, request: Request) -> Response:
        self._authorize(request)
        asked = request.query_params
        include = asked.getlist("include[]")
        limit, offset = asked.get("limit", "25"), asked.get("offset", "0")
        if not (limit.isdecimal() and offset.isdecimal() and 1 <= int(limit) <= 100) or set(include) - INCLUDES:
            raise Refusal(400, _rest_error("Invalid Input Provided", 2001))
        rows = oncalls(with_users="users" in include)
        page = rows[int(offset) : int(offset) + int(limit)]
        more = int(offset) + len(page) < len(rows)
        return JSONResponse({"oncalls": page, "limit": int(limit), "offset": int(offset), "more": more, "total": None})

    async def incidents(self, request: Request) -> Response:
        self._authorize(request)
        statuses = request.query_params.getlist("statuses[]")
        key = request.query_params.get("incident_key")
        rows = [
            incident.api(self.url)
            for incident in self.account.incidents
            if (not statuses or incident.status in statuses) and key in (None, incident.dedup_key)
        ]
        return JSONResponse({"incidents": rows, "limit": 25, "offset": 0, "more": False, "total": None})

    async def change_incident(self, request: Request) -> Response:
        self._authorize(request)
        if "from" not in request.headers:
            raise Refusal(400, _rest_error("Requester User Not Found", 2000))
        incident = self.account.by_id(request.path_params["id"])
        if incident is None:
            raise Refusal(404, _rest_error("Not Found", 2100))
        asked = _json(await request.body())
        status = asked.get("incident", {}).get("status") if isinstance(asked, dict) else None
        words = {status: action for action, status in STATUS.items()}
        if status not in words:
            raise Refusal(400, _rest_error("Invalid Input Provided", 2001))
        self._press(incident, words[status], request.headers["from"])
        return JSONResponse({"incident": incident.api(self.url)})

    async def press(self, request: Request) -> Response:
        """Handles `{id or dedup_key, action, user?}`, for the page's buttons."""
        body = _json(await request.body())
        incident = self.account.by_id(body.get("id", "")) or self.account.open(body.get("dedup_key", ""))
        if incident is None:
            raise Refusal(404, {"ok": False, "error": "there is no such open incident"})
        self._press(incident, body.get("action", ""), body.get("user") or "Ana Lima")
        return JSONResponse({"ok": True, "incident": incident.seen()})

    async def seen(self, request: Request) -> Response:
        del request
        return JSONResponse({"incidents": [incident.seen() for incident in self.account.incidents]})

    async def set_webhook(self, request: Request) -> Response:
        """Handles `{url, secret?}`: sets the address for the webhooks."""
        body = _json(await request.body())
        self.webhooks.url = body.get("url")
        self.webhooks.secret = body.get("secret") or self.webhooks.secret
        return JSONResponse({"ok": True})

    async def make_fault(self, request: Request) -> Response:
        """Handles `{kind: down | status | lost_answer, status?, count?, seconds?, path?}`."""
        body = _json(await request.body())
        if body.get("kind") not in FAULTS:
            raise Refusal(400, {"ok": False, "error": f"kind must be one of {', '.join(FAULTS)}"})
        until = time.monotonic() + body["seconds"] if body.get("seconds") else None
        self.faults.append({**body, "until": until})
        return JSONResponse({"ok": True})

    async def clear_faults(self, request: Request) -> Response:
        del request
        self.faults.clear()
        return JSONResponse({"ok": True})

    async def read_log(self, request: Request) -> Response:
        del request
        return JSONResponse({"log": list(self.log)})

    def strike(self, path: str) -> dict[str, Any] | None:
        """The first active fault for this path; counts it as used."""
        live = [f for f in self.faults if f.get("count") != 0 and (f["until"] or float("inf")) > time.monotonic()]
        self.faults = live
        for fault in live:
            if fault.get("path") in (None, path):
                fault["count"] = None if fault.get("count") is None else fault["count"] - 1
                return fault
        return None

    def note(self, method: str, path: str, status: int | None, arguments: str) -> None:
        at = datetime.now(UTC).isoformat()
        self.log.append({"at": at, "method": method, "path": path, "status": status, "arguments": arguments[:500]})

    def _press(self, incident: Incident, action: str, by: str) -> None:
        try:
            self.account.press(incident, action, by)
        except ValueError as wrong:
            raise Refusal(400, {"ok": False, "error": str(wrong)}) from None
        agent = person(1 if by.lower().startswith("ben") else 0)
        self.webhooks.owe(incident, STATUS[action], agent)

    def _authorize(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Token token={self.config.api_token}":
            raise Refusal(401, {"error": {"message": "Access Denied", "code": 2006}})

    def _pace(self, key: str) -> None:
        recent = self.recent.setdefault(key, deque())
        while recent and recent[0] < time.monotonic() - 60:
            recent.popleft()
        if len(recent) >= EVENTS_A_MINUTE:
            raise Refusal(429, {"status": "throttle exceeded", "message": "Too many events", "errors": []})
        recent.append(time.monotonic())


def create_app(config: Config, url: str = "") -> Starlette:
    pagerduty = PagerDuty(config, url)
    door = partial(_door, pagerduty)
    routes = [
        Route("/v2/enqueue", door(pagerduty.enqueue), methods=["POST"]),
        Route("/oncalls", door(pagerduty.oncalls)),
        Route("/incidents", door(pagerduty.incidents)),
        Route("/incidents/{id}", door(pagerduty.change_incident), methods=["PUT"]),
        Route("/_sandbox/incidents", door(pagerduty.seen)),
        Route("/_sandbox/press", door(pagerduty.press), methods=["POST"]),
        Route("/_sandbox/webhook", door(pagerduty.set_webhook), methods=["POST"]),
        Route("/_sandbox/faults", door(pagerduty.make_fault), methods=["POST"]),
        Route("/_sandbox/faults", door(pagerduty.clear_faults), methods=["DELETE"]),
        Route("/_sandbox/log", door(pagerduty.read_log)),
        Route("/", page),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    return Starlette(routes=routes)


def _door(pagerduty: PagerDuty, answer: Asked) -> Asked:
    """Wraps a handler: refusals for every path; faults and the log only for the paths that programs call."""

    async def ask(request: Request) -> Response:
        path = request.url.path
        inside = path.startswith("/_sandbox")
        fault = None if inside else pagerduty.strike(path)
        response: Response
        try:
            if fault and fault["kind"] != "lost_answer":
                raise Refusal(int(fault.get("status", 503)), {"status": "error", "message": "Unavailable"})
            response = await answer(request)
        except Refusal as refusal:
            response = JSONResponse(refusal.body, refusal.status)
        if not inside:
            body = (await request.body()).decode("utf-8", "replace")
            pagerduty.note(request.method, path, response.status_code, body)
        return HangUp() if fault and fault["kind"] == "lost_answer" else response

    return ask


@contextmanager
def running(config: Config | None = None) -> Iterator[Running]:
    """Serves on a free port (or `config.port`) in a thread, until the block ends."""
    config = config or Config()
    with (
        serving.bound(config.host, config.port) as (listener, url),
        serving.in_thread(create_app(config, url), listener),
    ):
        yield Running(url, config)


async def page(request: Request) -> Response:
    del request
    return FileResponse(PAGE / "index.html", headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        raise Refusal(400, {"status": "invalid event", "message": "The body is not JSON", "errors": []}) from None


def _rest_error(message: str, code: int) -> dict[str, Any]:
    return {"error": {"message": message, "code": code, "errors": [message]}}
