"""The entry point of the Web API: reads the arguments, checks token, rate, scopes and faults, calls the method, logs
it.

The Python SDK sends reads as GET, puts many POSTs' arguments in the query, and sends `application/json` with an empty
body. Every call is answered with JSON that has `ok`, and every call is in the log, also calls with a fault.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from bot.sandbox.processes.drop_connection import HangUp
from bot.sandbox.slack.call import Call, Method
from bot.sandbox.slack.methods import METHODS
from bot.sandbox.slack.rules.errors import SlackError, ratelimited
from bot.sandbox.slack.rules.faults import Fault
from bot.sandbox.slack.state.workspace import Workspace

log = logging.getLogger(__name__)
SHOWN = 300


async def answer(request: Request) -> Response:
    workspace: Workspace = request.app.state.workspace
    name = request.path_params["method"]
    began = time.monotonic()
    sent: dict[str, Any] = {}
    try:
        sent = await arguments(request)
        if (ill := await _faults_before(workspace, name)) is not None:
            _note(workspace, name, sent, {"ok": False, "ill": True}, ill.status_code, began)
            return ill
        body = _called(workspace, name, sent)
        response: Response = JSONResponse(body)
        if lost := workspace.faults.strike(name, "lost_answer"):
            response = HangUp()
        _note(workspace, name, sent, body | ({"lost": True} if lost else {}), response.status_code, began)
    except SlackError as error:
        response = JSONResponse(error.body(), error.status, error.headers)
        _note(workspace, name, sent, error.body(), error.status, began)
    return response


async def arguments(request: Request) -> dict[str, Any]:
    """Query, form and JSON in one; the body takes precedence. Raises SlackError `invalid_json`, `json_not_object`."""
    merged: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    if "json" in request.headers.get("content-type", ""):
        merged |= _json(body)
    elif body:
        merged |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if token := merged.pop("token", None):
        merged["token"] = token
    if bearer := request.headers.get("authorization", "").removeprefix("Bearer ").strip():
        merged["token"] = bearer
    return merged


def _json(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        read = json.loads(body)
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(read, dict):
        raise SlackError("json_not_object")
    return read


def _called(workspace: Workspace, name: str, sent: dict[str, Any]) -> dict[str, Any]:
    method = METHODS.get(name)
    if method is None:
        log.error("unknown method %s: the local Slack does not have it", name)
        raise SlackError("unknown_method", req_method=name)
    _check_token(workspace, method, sent.pop("token", None))
    _check_scopes(workspace, method)
    if wait := workspace.pace.wait_for_method(name, method.per_minute):
        raise ratelimited(wait)
    return {"ok": True, **method.call(Call(workspace, sent))}


def _check_token(workspace: Workspace, method: Method, token: str | None) -> None:
    config = workspace.config
    right = {"bot": config.bot_token, "app": config.app_token, "none": token}[method.token]
    if token == right:
        return
    if token is None:
        raise SlackError("not_authed")
    known = token in (config.bot_token, config.app_token)
    raise SlackError("not_allowed_token_type" if known else "invalid_auth")


def _check_scopes(workspace: Workspace, method: Method) -> None:
    have = workspace.config.scopes
    if missing := [scope for scope in method.scopes if scope not in have]:
        raise SlackError("missing_scope", needed=",".join(missing), provided=",".join(sorted(have)))


async def _faults_before(workspace: Workspace, name: str) -> Response | None:
    """The answer for a call that a fault prevents; None if the call is to be executed."""
    if late := workspace.faults.strike(name, "latency"):
        await asyncio.sleep(late.latency)
    if struck := workspace.faults.strike(name, "down", "rate_limit", "error"):
        raise _as_error(struck)
    return await ill(workspace, name)


async def ill(workspace: Workspace, name: str) -> Response | None:
    """An answer that is not Slack's: a proxy's page, JSON that isn't an object, or no answer."""
    if struck := workspace.faults.strike(name, "page", "odd", "hang", "drop"):
        if struck.kind == "hang":
            await asyncio.sleep(struck.latency or 60.0)
        if struck.kind in {"hang", "drop"}:
            return HangUp()
        if struck.kind == "odd":
            return JSONResponse("x")
        return HTMLResponse("<html><body>Something went wrong</body></html>", struck.status)
    return None


def _as_error(fault: Fault) -> SlackError:
    if fault.kind == "rate_limit":
        return ratelimited(fault.retry_after)
    if fault.kind == "down":
        return SlackError("service_unavailable", status=503)
    return SlackError(fault.code)


def _note(
    workspace: Workspace, name: str, sent: dict[str, Any], body: dict[str, Any], status: int, began: float
) -> None:
    workspace.note(
        at=datetime.now(UTC).isoformat(),
        kind="api",
        method=name,
        arguments={key: _short(value) for key, value in sent.items() if key != "token"},
        status=status,
        ok=body["ok"],
        error=body.get("error"),
        lost=body.get("lost", False),
        answer=_short(body),
        ms=round((time.monotonic() - began) * 1000, 1),
    )


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"
