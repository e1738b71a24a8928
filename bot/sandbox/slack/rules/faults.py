"""Faults on demand, for a number of calls or for a time, to test how the bot handles them.

With a lost answer the call is executed and its answer never arrives, so a caller that repeats it posts twice. A fault
affects only what it names; it ends after `count` calls or `seconds`, or by DELETE.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

# `page` answers HTML (`status`, 200 by default), `odd` answers JSON that isn't an object, `hang` answers nothing for
# `latency_ms`, `drop` closes the connection before anything is done.
KINDS = (
    "rate_limit", "error", "latency", "drop_sockets", "refresh", "down", "lost_answer", "page", "odd", "hang", "drop",
)  # fmt: skip


@dataclass
class Fault:
    kind: str
    method: str | None = None
    code: str = "internal_error"
    count: int | None = None
    until: float | None = None
    latency: float = 0.0
    retry_after: int = 1
    status: int = 200

    @property
    def over(self) -> bool:
        return self.count == 0 or (self.until is not None and time.monotonic() >= self.until)


def read(body: dict[str, Any]) -> Fault:
    """Reads `{kind, method?, code?, count?, seconds?, latency_ms?, retry_after?, status?}` as a fault. Raises
    ValueError with a sentence."""
    kind = body.get("kind")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    unknown = set(body) - {"kind", "method", "code", "count", "seconds", "latency_ms", "retry_after", "status"}
    if unknown:
        raise ValueError(f"unknown field {sorted(unknown)[0]!r}")
    seconds = body.get("seconds")
    return Fault(
        kind=kind,
        method=body.get("method"),
        code=body.get("code", "internal_error"),
        count=body.get("count"),
        until=None if seconds is None else time.monotonic() + float(seconds),
        latency=float(body.get("latency_ms", 0)) / 1000,
        retry_after=int(body.get("retry_after", 1)),
        status=int(body.get("status", 200)),
    )


class Faults:
    def __init__(self) -> None:
        self.active: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self.active.append(fault)

    def clear(self) -> None:
        self.active.clear()

    def strike(self, method: str, *kinds: str) -> Fault | None:
        """The first active fault of these kinds for this method; counts it as used."""
        self.active = [fault for fault in self.active if not fault.over]
        for fault in self.active:
            if fault.kind in kinds and fault.method in (None, method):
                fault.count = None if fault.count is None else fault.count - 1
                return fault
        return None
