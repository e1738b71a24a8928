"""Alerts: one incident's view in one place, and whether it is owed.

An alert is owed when it shows an older version than the incident has, and it is due. A page is decided again when it
comes due, and dropped if a person has taken the incident since.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.core.incidents.incident import Incident, State
from bot.core.incidents.routing import Severity

SPACING = timedelta(seconds=1)  # between two edits of one message, so that a burst is one edit
QUIET = timedelta(seconds=1.5)  # a message that has not grown for this long is shown in its final state
_FIRST_GROWTH, _LONGEST_GROWTH = 3.0, 30.0  # seconds between edits that only bring a growing count up to date


class Kind(StrEnum):
    """Where an alert is shown."""

    slack = "slack"
    pager = "pager"


@dataclass(frozen=True, slots=True)
class Place:
    """A Slack channel (its name or id) or a pager by its name, such as `pagerduty`."""

    kind: Kind
    target: str = ""

    def __str__(self) -> str:
        return self.target if self.kind is Kind.pager else f"{self.kind}:{self.target}"


@dataclass(frozen=True, slots=True)
class Alert:
    """`shown` is the incident version shown there now (0: none yet); `ref` names it there (a message ts, a dedup key);
    `told` is the last timeline entry in its thread, `rung` the last one sent to the whole channel, `upto` the last one
    when the message was rendered; `said` is the last event sent to a pager."""

    id: int
    incident_id: int
    place: Place
    shown: int = 0
    due_at: datetime | None = None
    channel_id: str = ""
    ref: str = ""
    told: int = 0
    said: str = ""
    tries: int = 0
    error: str = ""
    owed_at: datetime | None = None
    urgent: bool = False  # a person pressed something and waits to see it
    posted_at: datetime | None = None  # when it was posted; of a page, when it last paged
    posting: bool = False  # a post was begun and its answer was not recorded: read back before posting again
    upto: int = 0
    news: bool = False  # the timeline has grown since: its state may have changed, not only its counts
    over: bool = False  # its growth has ended: its counts are final for now
    grown: int = 0  # how often in a row only its counts were brought up to date
    rung: int = 0
    telling_at: datetime | None = None  # when a thread line was begun; its answer was not recorded
    severity: Severity | None = None  # of its incident, if that was read and is not silenced


class Lane(StrEnum):
    """What an alert waits for under our rate limit, most urgent first. Edits share one budget, so a closed lane closes
    those after it. Posts have one budget per channel, and posts that are not critical also have a lower limit."""

    post = "post"
    more = "more"  # a new message that is not critical
    press = "press"  # a person pressed and waits to see it
    change = "change"  # the incident's state has changed, or its counts are final
    growth = "growth"  # its counts are still changing


EDITS = (Lane.press, Lane.change, Lane.growth)


def lane(alert: Alert) -> tuple[Lane, str]:
    """The lane, and for a post its channel, else an empty string."""
    if not alert.ref:
        first = alert.urgent or alert.severity is Severity.critical
        return Lane.post if first else Lane.more, alert.place.target
    return (Lane.press if alert.urgent else Lane.change if alert.news or alert.over else Lane.growth), ""


def paced(one: tuple[Lane, str]) -> tuple[Lane, str]:
    """The lane that Slack's own pace closes, which does not depend on severity."""
    return (Lane.post, one[1]) if one[0] is Lane.more else one


def is_closed(one: tuple[Lane, str], closed: Container[tuple[Lane, str]]) -> bool:
    if one[0] in (Lane.post, Lane.more):
        return one in closed or (Lane.post, one[1]) in closed
    return any((before, "") in closed for before in EDITS[: EDITS.index(one[0]) + 1])


def growth_spacing(grown: int) -> timedelta:
    """How long a message that only grew waits for its next edit, after this many such edits in a row: 3 s, 9 s, 27 s,
    30 s. The wait is cut short when the state changes, when a person presses, and when the growth ends."""
    return timedelta(seconds=min(_LONGEST_GROWTH, _FIRST_GROWTH * 3.0 ** min(grown, 10)))


def owed(alert: Alert, incident: Incident, now: datetime) -> str | None:
    """Why the alert is owed now; None when it is not."""
    if alert.shown >= incident.version:
        return None
    if alert.due_at is not None and alert.due_at > now:
        return None
    return "first notice" if not alert.shown else "the incident has changed"


def page_word(alert: Alert, incident: Incident) -> str | None:
    """The event to send to a pager now: trigger, again, acknowledge, resolve, or None. It is decided again at
    delivery time. A holder or a silence prevents a page, unless the incident was escalated or became worse since.
    `again` means that it paged before, or was acknowledged there, and must page again."""
    asked = incident.escalated_at
    match incident.state:
        case State.resolved:
            return "resolve" if alert.said in {"trigger", "acknowledge"} else None
        case State.acknowledged if asked is None or (incident.held_at is not None and incident.held_at > asked):
            return "acknowledge" if alert.said == "trigger" else None
        case _:
            if incident.silence is not None and asked is None:
                return None
            if alert.said in {"", "resolve"}:
                return "trigger"
            asked_since = asked is not None and alert.posted_at is not None and alert.posted_at < asked
            given_back = alert.said == "acknowledge" and incident.state is State.open and incident.silence is None
            return "again" if asked_since or given_back else None
