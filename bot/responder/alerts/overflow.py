"""Limits new messages per minute in a channel; beyond the limit one message counts the rest until each is posted.

The worst alerts are posted first, and critical ones may use twice the limit. Nothing is dropped: waiting alerts are
counted, and posted when there is room.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.core.errors import Permanent, Temporary
from bot.core.incidents.alert import Lane
from bot.core.incidents.routing import Severity
from bot.responder.services import Services
from bot.store import alerts, state

logger = logging.getLogger(__name__)
SPACING = timedelta(seconds=5)  # between two edits of the count
CLAIM = timedelta(
    seconds=60
)  # after that, another replica looks for a message that was begun, and posts it if it is missing
_KEY = "overflow/"


@dataclass(frozen=True, slots=True)
class Rest:
    """What waits in one channel. `key` marks the message that counts it, `ref` is its ts; the count may be empty."""

    channel: str
    key: str
    ref: str
    a_minute: int
    by_severity: Counter[Severity] = field(default_factory=Counter)


class Show(Protocol):
    """Posts or edits the message; returns the channel's id and the ts. Raises Temporary, Paced or Permanent."""

    def __call__(self, rest: Rest, *, begun: bool) -> tuple[str, str]: ...


def full(services: Services) -> dict[tuple[Lane, str], datetime]:
    """The lanes that take no new message now, and until when."""
    lanes: dict[tuple[Lane, str], datetime] = {}
    now = services.clock()
    with services.store.read() as t:
        posted = alerts.posted(t, now)
    for channel, times in posted.items():
        for lane, most in ((Lane.more, services.new_a_minute), (Lane.post, 2 * services.new_a_minute)):
            if len(times) >= most and times[most - 1] + alerts.MINUTE > now:
                lanes[lane, channel] = times[most - 1] + alerts.MINUTE
    return lanes


def tell(services: Services, show: Show) -> float | None:
    """Updates each channel's count. Returns the seconds until it should be called again, None if nothing waits."""
    now = services.clock()
    closed = {channel for _, channel in full(services)}
    with services.store.read() as t:
        waiting, known = alerts.waiting(t, now), state.below(t, _KEY)
    counted = known.keys() | (closed & waiting.keys())
    for channel in counted:
        _tell_one(services, show, channel, known.get(channel, {}), waiting.get(channel, Counter()))
    return SPACING.total_seconds() if counted else None


def _tell_one(services: Services, show: Show, channel: str, known: dict[str, Any], waits: Counter[Severity]) -> None:
    now, counts = services.clock(), {one.value: number for one, number in waits.items()}
    begun = bool(known)
    if begun and _is_fresh(known, counts, now):
        return
    if not begun:
        known = {"key": f"{_KEY}{channel}/{now.isoformat()}", "ref": "", "channel": channel}
        with services.store.write() as t:
            if not state.keep_new(t, _KEY + channel, known | {"at": now.isoformat()}):
                return  # another replica posts it
    rest = Rest(known["channel"], known["key"], known["ref"], services.new_a_minute, waits)
    try:
        where, ref = show(rest, begun=begun)
    except (Temporary, Permanent) as error:
        logger.info("the count of new alerts in %s is shown later: %s", channel, error.message)
        if isinstance(error, Permanent) or (not begun and error.acted is False):
            _keep(services, channel, None)
        return
    shown = known | {"channel": where, "ref": ref, "counts": counts, "at": now.isoformat()}
    _keep(services, channel, shown if counts else None)


def _is_fresh(known: dict[str, Any], counts: dict[str, int], now: datetime) -> bool:
    """Whether to leave the message alone: it is current or was just edited, or another replica may be posting it."""
    passed = abs(now - datetime.fromisoformat(known["at"]))
    if not known["ref"]:
        return passed < CLAIM
    return passed < SPACING or known["counts"] == counts


def _keep(services: Services, channel: str, value: dict[str, Any] | None) -> None:
    with services.store.write() as t:
        if value is None:
            state.drop(t, _KEY + channel)
        else:
            state.keep(t, _KEY + channel, value)
