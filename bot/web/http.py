"""The HTTP edge's dependencies, and how it refuses requests.

A sender's mistake is a 4xx with a sentence that names the field; no input from a sender may cause a 5xx.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bot.core.bearer import Tokens
from bot.core.errors import Permanent, Temporary
from bot.core.logs import Seldom
from bot.responder.services import Services
from bot.responder.signals.intake import Intake
from bot.web.commits import Answers
from bot.web.probe import Probe

logger = logging.getLogger(__name__)
_seldom = Seldom()
Dispatch = Callable[[bytes, Mapping[str, str]], tuple[int, Mapping[str, str], str]]


@dataclass
class Edge:
    """The edge's dependencies. `tokens` returns the tokens that are valid now. `parts` returns what is wrong with each
    part of the bot (empty: it works); `slack` answers Slack's requests in http mode, None in socket mode.
    `pagerduty_secret` and `slack_secret` verify the requests of these two."""

    services: Services
    intake: Intake
    tokens: Callable[[], Tokens] = Tokens
    parts: Callable[[], Mapping[str, str]] = dict
    slack: Dispatch | None = None
    pagerduty_secret: str = ""
    slack_secret: str = ""
    answers: Answers = field(default_factory=Answers)
    held: int = 0  # bytes of request bodies in memory
    probe: Probe = field(init=False)

    def __post_init__(self) -> None:
        self.probe = Probe(self.services)

    counted: dict[str, int] = field(default_factory=lambda: {"accepted": 0, "duplicates": 0, "refused": 0})


class Refusal(Exception):
    """Ends a request with this status and sentence."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers


def edge_of(request: Request) -> Edge:
    edge: Edge = request.app.state.edge
    return edge


def sender(request: Request) -> frozenset[str] | None:
    """The deployments for which this request may send signals, None for all. Raises Refusal if there are none."""
    deployments = edge_of(request).tokens().sends_for(request.headers.get("authorization", ""))
    if deployments is not None and not deployments:
        raise _unauthorised("WINDSOCK_SERVER__SIGNAL_TOKEN, or that of your deployment")
    return deployments


def reader(request: Request) -> None:
    """Raises Refusal unless this request may read incidents."""
    tokens = edge_of(request).tokens()
    if not tokens.reads(request.headers.get("authorization", "")):
        raise _unauthorised("WINDSOCK_SERVER__READ_TOKEN" if tokens.read else "WINDSOCK_SERVER__SIGNAL_TOKEN")


def _unauthorised(names: str) -> Refusal:
    headers = {"WWW-Authenticate": "Bearer", "Connection": "close"}
    return Refusal(401, f"Authorization: send `Bearer` and the token of {names}", **headers)


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, headers=dict(headers or {}), media_type="application/json")


async def unavailable(_: Request, error: Exception) -> Response:
    """503 for an error of the store, which is not the client's fault."""
    assert isinstance(error, Temporary | Permanent)  # noqa: S101 - registered for these alone
    return answer({"error": error.message}, 503, {"Retry-After": "5"})


async def gone(_: Request, __: Exception) -> Response:
    """For a client that has disconnected; uvicorn discards the answer."""
    return Response(status_code=400)


async def refuse(request: Request, error: Exception) -> Response:
    """A Refusal as an answer. Wrong credentials are logged, at a limited rate, because a rotated secret causes them."""
    assert isinstance(error, Refusal)  # noqa: S101 - registered for Refusal alone
    if error.status == 401:
        address = request.client.host if request.client else "?"
        where = request.scope["route"].path if "route" in request.scope else "/v1/signals"
        _seldom.warn(logger, f"{where} 401", "%s refused %s: %s", where, address, error.sentence)
    return refusal(error)


def refusal(error: Refusal) -> Response:
    return answer({"error": error.sentence}, error.status, error.headers)
