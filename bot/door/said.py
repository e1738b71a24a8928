"""Answers on the wire, as the bot itself would have given them."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from math import ceil

import msgspec

from bot.core.errors import Permanent, Temporary

_TOLD = {True: b'{"accepted":1,"duplicates":0}', False: b'{"accepted":0,"duplicates":1}'}


def said(outcome: bool | Temporary | Permanent, *, is_last: bool) -> bytes:
    """The answer to one signal: whether it was news, or why it was not taken. `is_last` on this connection."""
    more = b"connection: close\r\n" if is_last else b""
    if isinstance(outcome, bool):
        status, body = b"202 Accepted", _TOLD[outcome]
    else:
        status, body = b"503 Service Unavailable", msgspec.json.encode({"error": outcome.message})
        more = b"retry-after: %d\r\n%s" % (ceil(getattr(outcome, "retry_after", None) or 5), more)
    return b"HTTP/1.1 %s\r\ndate: %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%s\r\n%s" % (
        status, _date(int(time.time())), len(body), more, body)  # fmt: skip


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
