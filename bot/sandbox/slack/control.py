"""/_sandbox: lets tests and the page act as a person, read the state, and cause faults.

A test that misspells a button must fail at once with a sentence, not wait for an alert that never changes. A missing
thing is 404, a malformed request 400, both as `{"ok": false, "error": sentence}`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.sandbox.slack.people import NotThere, People
from bot.sandbox.slack.rules import faults
from bot.sandbox.slack.state import seed
from bot.sandbox.slack.state.messages import Message
from bot.sandbox.slack.state.workspace import Workspace

Asked = Callable[[Request], Awaitable[Response]]


def guarded(ask: Asked) -> Asked:
    """Turns missing things and malformed requests into a 4xx with a sentence."""

    @functools.wraps(ask)
    async def answer(request: Request) -> Response:
        try:
            return await ask(request)
        except NotThere as missing:
            return JSONResponse({"ok": False, "error": str(missing)}, 404)
        except (ValueError, TypeError) as wrong:
            return JSONResponse({"ok": False, "error": str(wrong)}, 400)

    return answer


async def body_of(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise ValueError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return body


async def messages(request: Request) -> Response:
    people, workspace = _people(request), _workspace(request)
    channel = people.channel(request.query_params.get("channel", ""))
    user = request.query_params.get("user")
    seen_by = people.user(user)["id"] if user else None
    rows = workspace.messages.in_channel(channel.id)
    return JSONResponse(
        {"messages": [_seen(workspace, m) for m in rows if seen_by is None or m.ephemeral_to in (None, seen_by)]}
    )


def _seen(workspace: Workspace, message: Message) -> dict[str, Any]:
    answers = workspace.messages.replies(message.channel_id, message.ts)
    last = answers[-1].ts if answers else None
    return message.seen() | {"reply_count": len(answers), "latest_reply": last}


async def command(request: Request) -> Response:
    body = await body_of(request)
    command_ = body.get("command") or _workspace(request).config.command
    return JSONResponse(
        await _people(request).command(
            _word(body, "channel"), _word(body, "user"), command_, str(body.get("text") or "")
        )
    )


async def click(request: Request) -> Response:
    body = await body_of(request)
    outcome = await _people(request).click(
        _word(body, "user"),
        _word(body, "action_id"),
        channel=body.get("channel"),
        ts=body.get("ts"),
        value=body.get("value"),
        block_id=body.get("block_id"),
        state=body.get("state"),
    )
    return JSONResponse(outcome)


async def submit(request: Request) -> Response:
    body = await body_of(request)
    return JSONResponse(await _people(request).submit(_word(body, "user"), body.get("values") or {}))


async def close(request: Request) -> Response:
    body = await body_of(request)
    return JSONResponse(await _people(request).close(_word(body, "user"), everything=bool(body.get("all"))))


async def suggest(request: Request) -> Response:
    body = await body_of(request)
    offered = await _people(request).suggest(
        _word(body, "user"),
        _word(body, "action_id"),
        body.get("block_id"),
        str(body.get("value") or ""),
        body.get("channel"),
        body.get("ts"),
    )
    return JSONResponse(offered)


async def home(request: Request) -> Response:
    body = await body_of(request)
    return JSONResponse(await _people(request).home(_word(body, "user")))


async def account(request: Request) -> Response:
    """Changes what `users.info` says of an account: `{user, deleted}`, `{user, is_bot}` or `{user, is_stranger}`."""
    body = await body_of(request)
    user = _people(request).user(_word(body, "user"))
    user |= {name: bool(body[name]) for name in ("deleted", "is_bot", "is_stranger") if name in body}
    return JSONResponse({"ok": True})


async def say(request: Request) -> Response:
    body = await body_of(request)
    said = _people(request).say(_word(body, "channel"), _word(body, "user"), _word(body, "text"), body.get("thread_ts"))
    return JSONResponse(said)


async def state(request: Request) -> Response:
    """Everything that the page needs to start: people, groups, channels, and this person's views."""
    workspace = _workspace(request)
    user = _people(request).user(request.query_params.get("user") or seed.DEFAULT_PERSON)["id"]
    directory = workspace.directory
    directory.direct(user)
    return JSONResponse(
        {
            "team": seed.TEAM,
            "me": user,
            "bot": seed.BOT_USER,
            "command": workspace.config.command,
            "users": list(directory.users.values()),
            "usergroups": list(directory.usergroups.values()),
            "channels": [c.api() | {"bookmarks": c.bookmarks} for c in directory.channels.values()],
            "view": workspace.modals.top(user),
            "home": workspace.modals.homes.get(user),
        }
    )


async def make_fault(request: Request) -> Response:
    workspace, sockets = _workspace(request), request.app.state.sockets
    fault = faults.read(await body_of(request))
    if fault.kind == "refresh":
        return JSONResponse({"ok": True}, background=BackgroundTask(sockets.refresh))
    if fault.kind in ("drop_sockets", "down"):
        await sockets.drop()
    if fault.kind != "drop_sockets" or fault.until is not None:
        workspace.faults.add(fault)
    return JSONResponse({"ok": True})


async def clear_faults(request: Request) -> Response:
    _workspace(request).faults.clear()
    return JSONResponse({"ok": True})


async def log(request: Request) -> Response:
    """The log, oldest first; `?method=chat.postMessage` filters it."""
    method = request.query_params.get("method")
    rows = [row for row in _workspace(request).log if method in (None, row["method"])]
    sockets = request.app.state.sockets
    return JSONResponse({"log": rows, "sockets": len(sockets.sockets), "refreshing": sockets.refreshing})


async def verify(request: Request) -> Response:
    """Slack's url_verification, on demand: whether the bot's address returns the challenge. HTTP mode only."""
    if request.app.state.http is None:
        raise ValueError("there is no --http-url to verify")
    return JSONResponse({"ok": await request.app.state.http.verify()})


async def events(request: Request) -> Response:
    stream = _workspace(request).live.events()
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _word(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name!r} must be a word")
    return value


def _workspace(request: Request) -> Workspace:
    workspace: Workspace = request.app.state.workspace
    return workspace


def _people(request: Request) -> People:
    people: People = request.app.state.people
    return people


ROUTES = [
    Route("/_sandbox/messages", guarded(messages)),
    Route("/_sandbox/state", guarded(state)),
    Route("/_sandbox/log", guarded(log)),
    Route("/_sandbox/events", events),
    Route("/_sandbox/command", guarded(command), methods=["POST"]),
    Route("/_sandbox/click", guarded(click), methods=["POST"]),
    Route("/_sandbox/submit", guarded(submit), methods=["POST"]),
    Route("/_sandbox/close", guarded(close), methods=["POST"]),
    Route("/_sandbox/suggest", guarded(suggest), methods=["POST"]),
    Route("/_sandbox/home", guarded(home), methods=["POST"]),
    Route("/_sandbox/account", guarded(account), methods=["POST"]),
    Route("/_sandbox/verify", guarded(verify), methods=["POST"]),
    Route("/_sandbox/say", guarded(say), methods=["POST"]),
    Route("/_sandbox/faults", guarded(make_fault), methods=["POST"]),
    Route("/_sandbox/faults", clear_faults, methods=["DELETE"]),
]
