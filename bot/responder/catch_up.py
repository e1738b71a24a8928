"""catch_up: the one loop that shows what is owed. Nobody sends an update; whoever changes an incident makes it owed.

Hard cases: a crash between "Slack said ok" and our record of it (the alert is marked `posting` before the call, and its
metadata is looked for before it is posted again); a burst (the incident is rendered as it is now, so ten changes are one
edit). Rule: what was rendered is what is recorded as shown, never a newer version.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from bot.core.action import Remediation
from bot.core.alert import Alert, Kind, Place
from bot.core.errors import Paced, Permanent, Temporary
from bot.core.incident import Entry
from bot.core.view import View
from bot.responder.desk import Desk
from bot.responder.look import view
from bot.store import alerts, incidents, remediations

logger = logging.getLogger(__name__)
CLAIM = timedelta(seconds=60)
SPACING = timedelta(seconds=1)  # between two edits of one message, so that a burst is one edit
LATE_AFTER = 10.0
IDLE_SECONDS = 5.0
RINGING = frozenset({"reopened", "escalated"})  # entries that are said to the whole channel as well
UNWRITABLE = frozenset({"channel_not_found", "not_in_channel", "is_archived", "restricted_action"})
PERMANENT_RETRY = timedelta(seconds=60)  # a person may mend it: the bot is invited, the token renewed


@dataclass(frozen=True, slots=True)
class Shown:
    """Where the alert can be found now. `said` is PagerDuty's last word."""

    channel_id: str = ""
    ref: str = ""
    said: str = ""


class Show(Protocol):
    """Shows one incident in one place. Raises Temporary, Paced or Permanent."""

    def __call__(self, alert: Alert, seen: View) -> Shown: ...


def run(
    desk: Desk, kind: Kind, show: Show, stop: threading.Event, less_urgent: Sequence[Callable[[], None]] = ()
) -> None:
    """Shows what is owed until told to stop; nothing that happens to one alert ends the loop. What is less urgent is done
    after each round."""
    event = desk.alerts_owed if kind is Kind.slack else desk.pages_owed
    while not stop.is_set():
        event.clear()
        desk.rounds[kind.value] = desk.clock()
        try:
            wait = catch_up(desk, kind, show)
            for chore in less_urgent:
                chore()
        except Exception:  # the loop outlives everything; what is owed stays owed
            logger.exception("catch_up failed; tried again in %s s", IDLE_SECONDS)
            wait = IDLE_SECONDS
        event.wait(wait)


def catch_up(desk: Desk, kind: Kind, show: Show) -> float:
    """Shows every alert that is owed and due once; returns how many seconds until the next one may be."""
    with desk.store.read() as t:
        owed = alerts.due(t, kind, desk.clock())
    for alert in owed:
        _show_one(desk, alert, show)
    with desk.store.read() as t:
        due = alerts.next_due(t, kind)
    if due is None:
        return IDLE_SECONDS
    return min(IDLE_SECONDS, max(0.02, (due - desk.clock()).total_seconds()))


class Tell(Protocol):
    """Says new timeline entries in an alert's thread. Raises like Show."""

    def __call__(self, alert: Alert, seen: View, news: Sequence[Entry]) -> None: ...


def tell(desk: Desk, say: Tell) -> None:
    """Brings the threads up to date; alerts go first, so a refusal only means: later."""
    with desk.store.read() as t:
        behind = alerts.untold(t, desk.clock())
    for alert in behind:
        if not _tell_one(desk, alert, say):
            return


def _tell_one(desk: Desk, alert: Alert, say: Tell) -> bool:
    """False when our own pace says: not now, and for none of them."""
    now = desk.clock()
    with desk.store.write() as t:
        if not alerts.claim(t, alert, now, now + CLAIM):
            return True
    with desk.store.read() as t:
        incident = incidents.get(t, alert.incident_id)
        if incident is None:
            return True
        seen = view(desk, t, incident)
    news = [entry for entry in seen.timeline if entry.id > alert.told]
    told, going = alert.told, True
    # what the whole channel is to hear is said with the message's edit; a thread that was told before would hide it
    waits = alert.shown < incident.version and any(entry.what in RINGING for entry in news)
    try:
        if not waits:
            say(alert, seen, news)
            told = news[-1].id
    except Paced:
        going = False
    except (Temporary, Permanent) as error:
        logger.info("the thread of %s is told later: %s", incident.name, error.message)
        if isinstance(error, Permanent):
            told = news[-1].id  # the message itself shows the state; a thread that cannot be written is not chased
    with desk.store.write() as t:
        alerts.change(t, alert.id, told=told, claimed_until=None)
    return going


class Announce(Protocol):
    """Shows a change that no incident shows; returns the channel's id and the message's ts."""

    def __call__(self, remediation: Remediation, channel: str, ref: str) -> tuple[str, str]: ...


def announce(desk: Desk, show: Announce) -> None:
    """Says in the channel what was changed without an alert, and how it went."""
    with desk.store.read() as t:
        behind = remediations.unannounced(t)
    for remediation, channel, ref in behind:
        try:
            where = show(remediation, channel, ref)
        except (Temporary, Permanent) as error:
            logger.info("remediation %s is announced later: %s", remediation.id, error.message)
            if not isinstance(error, Permanent):
                continue
            where = (channel, ref)
        with desk.store.write() as t:
            remediations.announced(t, remediation.id, remediation.version, *where)


def _show_one(desk: Desk, alert: Alert, show: Show) -> None:
    now = desk.clock()
    posting = alert.place.kind is Kind.slack and not alert.ref
    with desk.store.write() as t:
        if not alerts.claim(t, alert, now, now + CLAIM):
            return
        if posting:
            alerts.change(t, alert.id, posting=True)
    with desk.store.read() as t:
        incident = incidents.get(t, alert.incident_id)
        if incident is None:
            return
        seen = replace(view(desk, t, incident), late=_lateness(alert, now))
    try:
        shown = show(alert, seen)
    except Paced as error:
        _postpone(desk, alert, now + timedelta(seconds=error.retry_after or 1.0), tries=alert.tries)
    except Temporary as error:
        _try_again(desk, alert, error)
    except Permanent as error:
        logger.warning("%s cannot be shown in %s: %s", seen.incident.name, alert.place, error.message)
        _elsewhere(desk, alert, error)
        # a message that was deleted is posted anew
        gone = {"ref": "", "posting": False} if error.code == "message_not_found" else {"posting": alert.posting}
        due = now if "ref" in gone else now + PERMANENT_RETRY
        _postpone(desk, alert, due, tries=alert.tries + 1, error=error.message, **gone)
    else:
        _record(desk, alert, seen, shown)


def _elsewhere(desk: Desk, alert: Alert, error: Permanent) -> None:
    """A channel that cannot be written keeps nothing secret: the root route's channel shows the incident too, until
    somebody mends it."""
    if alert.place.kind is Kind.slack and error.code in UNWRITABLE and alert.place.target != desk.policy.channel:
        with desk.store.write() as t:
            alerts.ensure(t, alert.incident_id, Place(Kind.slack, desk.policy.channel), desk.clock())


def _lateness(alert: Alert, now: datetime) -> float:
    if alert.shown or alert.owed_at is None:
        return 0.0
    late = (now - alert.owed_at).total_seconds()
    return late if late > LATE_AFTER else 0.0


def _try_again(desk: Desk, alert: Alert, error: Temporary) -> None:
    """Full jitter, or as long as the other side asked for. A post whose answer was lost stays `posting`."""
    backoff = random.uniform(0.2, min(30.0, 0.5 * 2.0 ** min(alert.tries, 10)))  # noqa: S311 - jitter
    due = desk.clock() + timedelta(seconds=error.retry_after or backoff)
    keep = {} if error.acted is None else {"posting": alert.posting}
    _postpone(desk, alert, due, tries=alert.tries + 1, error=error.message, **keep)


def _postpone(desk: Desk, alert: Alert, due: datetime, *, tries: int, **values: object) -> None:
    if "error" not in values:  # our own pace: nothing was called
        values = {"posting": alert.posting, **values}
    with desk.store.write() as t:
        alerts.change(t, alert.id, due_at=due, tries=tries, claimed_until=None, **values)
        if values.get("error") and not alert.error:
            _paged(desk, t, alert)


def _record(desk: Desk, alert: Alert, seen: View, shown: Shown) -> None:
    with desk.store.write() as t:
        alerts.change(
            t, alert.id, shown=seen.incident.version, channel_id=shown.channel_id, ref=shown.ref, said=shown.said,
            due_at=desk.clock() + SPACING, claimed_until=None, tries=0, error="", posting=False, urgent=False,
        )  # fmt: skip
        if shown.said != alert.said or alert.error:
            _paged(desk, t, alert)


def _paged(desk: Desk, t: Connection, alert: Alert) -> None:
    """That somebody is rung, or could not be, is news for those who look at the message."""
    if alert.place.kind is Kind.pagerduty:
        incidents.touch(t, alert.incident_id)
        alerts.hurry(t, alert.incident_id, desk.clock())
        desk.alerts_owed.set()
