"""What the HTTP edge is given, and the one way in which it refuses.

Rule: a sender's fault is a 4xx with a sentence that names the field; nothing that a sender sent can cause a 5xx.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bot.core.bearer import is_bearer
from bot.core.errors import Permanent, Temporary
from bot.responder.desk import Desk
from bot.responder.intake import Intake

Dispatch = Callable[[str, Mapping[str, str]], tuple[int, Mapping[str, str], str]]


@dataclass
class Edge:
    """`token` empty means that none is asked for (loopback only). `parts` tells what is wrong with each part of the bot
    (empty: well); `slack` answers Slack's requests in http mode, None in socket mode. `pagerduty_secret` signs PagerDuty's
    webhooks. `at_the_door` counts the signals that were taken there."""

    desk: Desk
    intake: Intake
    token: str = ""
    parts: Callable[[], Mapping[str, str]] = dict
    slack: Dispatch | None = None
    pagerduty_secret: str = ""
    at_the_door: Callable[[], Mapping[str, int]] = dict
    counted: dict[str, int] = field(default_factory=lambda: {"accepted": 0, "duplicates": 0, "refused": 0})


class Refusal(Exception):
    """Ends a request with this status and sentence."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers


def edge_of(request: Request) -> Edge:
    edge: Edge = request.app.state.edge
    return edge


def authorised(request: Request) -> None:
    """Raises Refusal unless the request carries the bearer token that is configured."""
    token = edge_of(request).token
    if not token:
        return
    if not is_bearer(request.headers.get("authorization", ""), token):
        raise Refusal(
            401, "Authorization: send `Bearer` and the token of WINDSOCK_SERVER__SIGNAL_TOKEN",
            **{"WWW-Authenticate": "Bearer", "Connection": "close"},
        )  # fmt: skip


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, headers=dict(headers or {}), media_type="application/json")


def number_of(text: str) -> int | None:
    """The incident's number in `12` or `A-12`; None when it cannot be one."""
    digits = text.upper().removeprefix("A-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


async def unavailable(_: Request, error: Exception) -> Response:
    """The store is away, and that is no fault of who asks."""
    assert isinstance(error, Temporary | Permanent)  # noqa: S101 - registered for these alone
    return answer({"error": error.message}, 503, {"Retry-After": "5"})


async def refuse(_: Request, error: Exception) -> Response:
    """A Refusal as an answer."""
    assert isinstance(error, Refusal)  # noqa: S101 - registered for Refusal alone
    return refusal(error)


def refusal(error: Refusal) -> Response:
    return answer({"error": error.sentence}, error.status, error.headers)
