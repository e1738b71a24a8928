"""POST /v1/signals: one signal or many; answers 202 only after the commit.

A batch is accepted or refused as a whole. A body that isn't JSON or UTF-8, is nested too deeply or is too large gets a
4xx with the reason; lone surrogates in free text are cleaned, so that no failure is lost because of one. If the writer
is behind or the disk is full, the answer is 503 with Retry-After, so that the sender keeps the signals.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from math import ceil
from typing import Any, NoReturn

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bot.core.errors import Temporary
from bot.core.signals.signal import Signal
from bot.core.signals.wire import BadSignal, parse
from bot.responder.signals.intake import Receipt
from bot.web.commits import Result
from bot.web.http import Edge, Refusal, answer, edge_of, sender

BODY_LIMIT = 1_048_576
HELD_LIMIT = 64 * 1_048_576  # for all bodies in memory, before any of them is validated
BATCH_LIMIT = 1_000
DEPTH_LIMIT = 64
COMMIT_SECONDS = 5.0  # the plugin waits for 2 s, and keeps signals that weren't answered


async def post_signals(request: Request) -> Response:
    """Accepts signals; the answer counts new ones and duplicates."""
    deployments = sender(request)
    edge = edge_of(request)
    try:
        told = signals_of(edge, await body_of(request))
        _bound(told, deployments)
    except Refusal:
        edge.counted["refused"] += 1
        raise
    receipt = await committed(edge, told)
    return answer({"accepted": receipt.accepted, "duplicates": receipt.duplicates}, 202)


def _bound(told: Sequence[Signal], deployments: frozenset[str] | None) -> None:
    """Raises Refusal for a signal of a deployment that the sender's token doesn't cover."""
    if deployments is None:
        return
    for place, one in enumerate(told):
        if one.deployment not in deployments:
            where = f"signals[{place}]." if len(told) > 1 else ""
            raise Refusal(403, f"{where}deployment: this token sends for {', '.join(sorted(deployments))} alone")


async def committed(edge: Edge, told: Sequence[Signal]) -> Receipt:
    """Hands the signals to the writer and waits for the commit. Raises Refusal if they were not accepted."""
    done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
    try:
        edge.intake.submit(told, partial(edge.answers.give, done))
        async with asyncio.timeout(COMMIT_SECONDS):
            result: Result = await done
    except Temporary as error:
        result = error
    except TimeoutError:  # it may be committed later; a repeat is then a duplicate
        result = Temporary("the store is locked or slow; send this again in a moment")
    if not isinstance(result, Receipt):
        wait = getattr(result, "retry_after", None) or 5
        raise Refusal(503, result.message, **{"Retry-After": str(ceil(wait))})
    edge.counted["accepted"] += result.accepted
    edge.counted["duplicates"] += result.duplicates
    return result


async def body_of(request: Request, limit: int = BODY_LIMIT) -> bytes:
    """The whole body. Raises Refusal as soon as it exceeds `limit` bytes, or all bodies in memory exceed 64 MiB."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise _too_large(limit)
    edge, chunks, size = edge_of(request), [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            edge.held += len(chunk)
            if size > limit:
                raise _too_large(limit)
            if edge.held > HELD_LIMIT:
                raise Refusal(503, "body: too many are on their way; send it again in a moment", **{"Retry-After": "2"})
            chunks.append(chunk)
    finally:
        edge.held -= size
    return b"".join(chunks)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"body: is larger than {limit} bytes; send fewer signals at once", Connection="close")


def decoded(body: bytes) -> Any:
    """The JSON value of a body. Raises Refusal. Lone surrogates are accepted, and cleaned later in free text."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _decoded_leniently(body)
    if _deeper_than(value, DEPTH_LIMIT):
        raise Refusal(400, f"body: is nested deeper than {DEPTH_LIMIT} levels")
    return value


def _decoded_leniently(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Refusal(400, "body: is not UTF-8") from None
    except RecursionError:
        raise Refusal(400, f"body: is nested deeper than {DEPTH_LIMIT} levels") from None
    except ValueError as error:
        raise Refusal(400, f"body: is not JSON: {error}") from None


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} isn't a JSON number")


def _deeper_than(value: Any, levels: int) -> bool:
    """Whether the value is nested deeper; it is walked level by level, without recursion."""
    layer = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        layer = [
            inner for outer in layer for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]  # fmt: skip
        if not layer:
            return False
    return True


def signals_of(edge: Edge, body: bytes) -> list[Signal]:
    """The signals in a body. Raises Refusal that names the field."""
    value, now = decoded(body), edge.services.clock()
    if not isinstance(value, dict):
        raise Refusal(400, 'body: must be a JSON object: one signal, or {"signals": […]}')
    if "signals" not in value:
        return [_signal(value, now, "")]
    listed = value["signals"]
    if not isinstance(listed, list):
        raise Refusal(400, "signals: must be a list of signals")
    if len(listed) > BATCH_LIMIT:
        raise Refusal(413, f"signals: are more than {BATCH_LIMIT}; send them in parts")
    return [_signal(one, now, f"signals[{place}].") for place, one in enumerate(listed)]


def _signal(value: Any, now: Any, where: str) -> Signal:
    if not isinstance(value, dict):
        raise Refusal(400, f"{where.rstrip('.') or 'body'}: must be a JSON object")
    try:
        return parse(value, now)
    except BadSignal as error:
        raise Refusal(422, f"{where}{error}") from None
