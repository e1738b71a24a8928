"""POST /v1/signals: one signal or many; 202 after the commit, and only then.

A batch is taken whole or refused whole. A body that isn't JSON or UTF-8, is too deep or too large is a 4xx that says
so; half a character in free text is cleaned, so that no failure is lost over it. If the writer is behind or the disk is
full, it is a 503 with Retry-After, so that the sender keeps the signals.
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
HELD_LIMIT = 64 * 1_048_576  # of all bodies that are on their way, before any of them is known to be of use
BATCH_LIMIT = 1_000
DEPTH_LIMIT = 64
COMMIT_SECONDS = 5.0  # the plugin waits for two, and keeps what it has no answer to


async def post_signals(request: Request) -> Response:
    """Takes signals; the answer counts what was news and what was told before."""
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
    """Raises Refusal for a signal of a deployment that the sender's token is not for."""
    if deployments is None:
        return
    for place, one in enumerate(told):
        if one.deployment not in deployments:
            where = f"signals[{place}]." if len(told) > 1 else ""
            raise Refusal(403, f"{where}deployment: this token sends for {', '.join(sorted(deployments))} alone")


async def committed(edge: Edge, told: Sequence[Signal]) -> Receipt:
    """Hands the signals to the one writer and waits for its commit. Raises Refusal when they were not taken."""
    done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
    try:
        edge.intake.submit(told, partial(edge.answers.give, done))
        async with asyncio.timeout(COMMIT_SECONDS):
            result: Result = await done
    except Temporary as error:
        result = error
    except TimeoutError:  # it may be committed after all; sent again, it is a duplicate
        result = Temporary("the store is locked or slow; send this again in a moment")
    if not isinstance(result, Receipt):
        wait = getattr(result, "retry_after", None) or 5
        raise Refusal(503, result.message, **{"Retry-After": str(ceil(wait))})
    edge.counted["accepted"] += result.accepted
    edge.counted["duplicates"] += result.duplicates
    return result


async def body_of(request: Request, limit: int = BODY_LIMIT) -> bytes:
    """The whole body, refused as soon as it is known to be larger than `limit` bytes."""
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
    """The JSON value of a body. Raises Refusal; half a character is let through, to be cleaned where it is free text."""
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
    """Walks level by level, so that depth costs no recursion."""
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
