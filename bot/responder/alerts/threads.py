"""Updates threads, one message at a time, after the alerts themselves.

An alert is marked `telling` before the call. After a crash or a lost answer the thread is read back before a line is
posted again, so each line is posted once. A line for the whole channel waits for the message's edit, but only briefly.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.core.backoff import full_jitter
from bot.core.errors import Paced, Permanent, Temporary
from bot.core.incidents.alert import SPACING, Alert
from bot.core.incidents.incident import Entry, Incident
from bot.core.incidents.view import View
from bot.responder.alerts.delivery import CLAIM, GONE, IDLE_SECONDS, PERMANENT_RETRY, SHORTEST_WAIT, UNWRITABLE
from bot.responder.alerts.views import view
from bot.responder.services import Services
from bot.store import alerts, incidents

logger = logging.getLogger(__name__)
RINGING = frozenset({"reopened", "escalated", "failed", "worse"})  # entries that are also sent to the whole channel
BATCH = 20  # entries in one message
SKEW = timedelta(minutes=5)  # how far Slack's clock and ours may be apart
WAIT_FOR_EDIT = timedelta(seconds=10)  # after that, a line for the whole channel is sent without the message's edit
REFUSED_ALL = UNWRITABLE | {
    "invalid_auth",
    "token_revoked",
    "account_inactive",
    "not_authed",
    "token_expired",
    "missing_scope",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What the thread holds already: its last entry, and the last one that was sent to the whole channel."""

    told: int = 0
    rung: int = 0


class Thread(Protocol):
    """The thread of an alert. Each method raises Temporary, Paced or Permanent."""

    def say(self, alert: Alert, seen: View, news: Sequence[Entry]) -> None:
        """Posts these entries in one message."""
        ...

    def ring(self, alert: Alert, seen: View, entry: Entry) -> None:
        """Sends that entry to the whole channel, if it is worth it."""
        ...

    def said(self, alert: Alert, since: datetime) -> Said:
        """Reads back what was posted since then."""
        ...


def tell(services: Services, thread: Thread) -> float:
    """Posts what is not posted yet, the longest waiting first; stops when an alert is owed or Slack can't be reached.
    Returns the seconds until it should be called again."""
    closed, before = dict[str, float](), dict[int, tuple[object, ...]]()
    while True:
        now = services.clock()
        with services.store.read() as t:
            alert = alerts.untold(t, now, closed)
            due = alerts.next_tell(t, now, closed) if alert is None else now
        if alert is None:
            return _wait(closed, due, now)
        try:
            if before.get(alert.id) == (state := (alert.told, alert.rung, alert.telling_at, alert.ref)):
                _hold(services, alert, now + timedelta(seconds=IDLE_SECONDS))  # no progress: go on with the others
            else:
                before[alert.id] = state
                _tell_one(services, alert, thread, now)
        except Paced as error:  # not now in this channel
            closed[alert.channel_id] = error.retry_after or 1.0
        except Temporary:
            return SHORTEST_WAIT
        if services.alerts_owed.is_set():
            return SHORTEST_WAIT


def _hold(services: Services, alert: Alert, until: datetime) -> None:
    with services.store.write() as t:
        alerts.change(t, alert.id, tell_at=until)


def _wait(closed: Mapping[str, float], due: datetime | None, now: datetime) -> float:
    waits = [*closed.values(), (due - now).total_seconds() if due else IDLE_SECONDS]
    return min(IDLE_SECONDS, max(SHORTEST_WAIT, min(waits)))


def _tell_one(services: Services, alert: Alert, thread: Thread, now: datetime) -> None:
    """Posts at most one message. Re-raises Paced and Temporary when it was put off."""
    with services.store.write() as t:
        if not alerts.claim(t, alert, now, now + CLAIM):
            return
        alerts.change(t, alert.id, telling_at=alert.telling_at or now)
    put_off: Temporary | None = None
    before: dict[str, object] = {"telling_at": alert.telling_at}
    try:
        values = _told(services, alert, thread, now)
    except Temporary as error:
        put_off, values = error, _later(alert, error, now)
    except Permanent as error:
        logger.info("the thread of A-%s cannot be sent: %s", alert.incident_id, error.message)
        values = _cannot(services, alert, error, now)
    with services.store.write() as t:
        alerts.change(t, alert.id, claimed_until=None, **(before | values))
    if put_off is not None:
        raise put_off


def _told(services: Services, alert: Alert, thread: Thread, now: datetime) -> dict[str, object]:
    """Posts the next message, or reads the thread back. Returns the alert's new values."""
    if alert.telling_at is not None:
        said = thread.said(alert, alert.telling_at - SKEW)
        return {"telling_at": None, "told": max(alert.told, said.told), "rung": max(alert.rung, said.rung)}
    with services.store.read() as t:
        incident = incidents.get(t, alert.incident_id)
        seen = None if incident is None else view(services, t, incident)
    batch = [entry for entry in seen.timeline if entry.id > alert.told][:BATCH] if seen is not None else []
    if seen is None or not batch:
        return {}
    bell = _bell(services, alert, seen.incident, batch)
    if bell is None:
        thread.say(alert, seen, batch)
        return {"told": batch[-1].id, "tell_at": None}
    if bell.id > alert.upto and now - bell.at < WAIT_FOR_EDIT:
        return {"tell_at": now + SPACING}
    thread.ring(alert, seen, bell)
    return {"rung": bell.id, "tell_at": None}


def _bell(services: Services, alert: Alert, incident: Incident, batch: Sequence[Entry]) -> Entry | None:
    """The last entry that was not yet sent to the whole channel and should be; None if the route forbids it."""
    bell = next((entry for entry in reversed(batch) if entry.what in RINGING and entry.id > alert.rung), None)
    how = services.policy.broadcast_of(incident.route)
    return bell if bell is not None and how.rings(incident.severity, heard=alert.rung > 0) else None


def _later(alert: Alert, error: Temporary, now: datetime) -> dict[str, object]:
    if isinstance(error, Paced):
        return {}
    logger.info("the thread of A-%s is sent later: %s", alert.incident_id, error.message)
    seconds = error.retry_after or full_jitter(0, base=10.0, most=10.0, least=1.0)
    begun = (alert.telling_at or now) if error.acted is None else alert.telling_at
    return {"tell_at": now + timedelta(seconds=seconds), "telling_at": begun}


def _cannot(services: Services, alert: Alert, error: Permanent, now: datetime) -> dict[str, object]:
    """A deleted message is posted again, and its new thread is written. A channel that cannot be written waits. A line
    that Slack refuses is left out, because the message itself shows the state."""
    if error.code in GONE:
        services.alerts_owed.set()
        return {"ref": "", "shown": 0, "due_at": now, "telling_at": None}
    if error.code in REFUSED_ALL:
        with services.store.write() as t:
            alerts.hold_threads(t, alert.channel_id, now + PERMANENT_RETRY)
        return {}
    with services.store.read() as t:
        waiting = incidents.timeline(t, alert.incident_id, after=alert.told)[:BATCH]
    return {"telling_at": None, "told": waiting[-1].id if waiting and alert.telling_at is None else alert.told}
