"""Delivers owed alerts: any change to an incident makes its alerts owed, and only this loop shows them.

An alert is marked `posting` before the call to Slack; after a crash its metadata is looked up in the channel before it
is posted again. The incident is rendered as it is now, so ten changes become one edit. A message that only grows is
edited less and less often, and once more when the growth has stopped. The version recorded as shown is the one that was
rendered, never a newer one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from bot.core.backoff import full_jitter
from bot.core.errors import Paced, Permanent, Temporary
from bot.core.incidents.alert import QUIET, SPACING, Alert, Kind, Lane, Place, growth_spacing, is_closed, lane, paced
from bot.core.incidents.incident import Entry
from bot.core.incidents.view import View
from bot.responder.alerts import overflow
from bot.responder.alerts.views import view
from bot.responder.services import Services
from bot.store import alerts, incidents
from bot.store.driver.moments import LONGEST_WAIT

logger = logging.getLogger(__name__)
CLAIM = timedelta(seconds=60)
LATE_AFTER = 10.0
IDLE_SECONDS = 5.0
SHORTEST_WAIT = 0.02
UNWRITABLE = frozenset({"channel_not_found", "not_in_channel", "is_archived", "restricted_action"})
GONE = frozenset({"message_not_found", "thread_not_found"})  # the message was deleted and is posted again
PERMANENT_RETRY = timedelta(seconds=60)  # a person may fix it: invite the bot, renew the token
Chore = Callable[[], float | None]  # returns the seconds until it should be called again


@dataclass(frozen=True, slots=True)
class Shown:
    """Where the alert is now. `said` is the last event sent to a pager."""

    channel_id: str = ""
    ref: str = ""
    said: str = ""
    paged: bool = False  # a person was paged just now


class Show(Protocol):
    """Shows one incident in one place. Raises Temporary, Paced or Permanent."""

    def __call__(self, alert: Alert, seen: View) -> Shown: ...


@dataclass
class Pacing:
    """What the loop remembers between rounds: each alert's incident version and since when it has not grown, and until
    when our pace keeps a lane closed. After a restart it is empty, but a message waits for its edit no longer than it
    would have waited."""

    seen: dict[int, tuple[int, datetime]] = field(default_factory=dict)
    until: dict[tuple[Lane, str], datetime] = field(default_factory=dict)

    def quiet(self, growing: Mapping[int, int], now: datetime) -> list[int]:
        """The ids of alerts whose growth has ended."""
        known = {one: self.seen.get(one, (version, now)) for one, version in growing.items()}
        self.seen = {
            one: known[one] if known[one][0] == version else (version, now) for one, version in growing.items()
        }
        return [one for one, (_, since) in self.seen.items() if not timedelta(0) <= now - since < QUIET]

    def close(self, one: tuple[Lane, str], until: datetime) -> None:
        self.until[one] = until

    def closed(self, now: datetime) -> set[tuple[Lane, str]]:
        """The lanes that are closed now."""
        self.until = {one: until for one, until in self.until.items() if now < until <= now + LONGEST_WAIT}
        return set(self.until)

    def next(self) -> datetime | None:
        """When the next message may have stopped growing, or the next lane opens."""
        calm = (since + QUIET for _, since in self.seen.values())
        return min((*calm, *self.until.values()), default=None)


def run(services: Services, kind: Kind, show: Show, stop: threading.Event, less_urgent: Sequence[Chore] = ()) -> None:
    """Shows what is owed, and runs the `less_urgent` chores after each round, until stopped. No error with one alert
    ends the loop."""
    event, pacing = services.alerts_owed if kind is Kind.slack else services.pages_owed, Pacing()
    while not stop.is_set():
        event.clear()
        services.rounds[kind.value] = services.monotonic()
        try:
            waits = [catch_up(services, kind, show, pacing), *(_wait_of(chore) for chore in less_urgent)]
            wait = min(seconds for seconds in waits if seconds is not None)
        except Exception:  # the loop must not stop; what is owed stays owed
            logger.exception("catch_up failed; tried again in %s s", IDLE_SECONDS)
            wait = IDLE_SECONDS
        event.wait(wait)


def _wait_of(chore: Chore) -> float | None:
    try:
        return chore()
    except Exception:  # the other chores must still run
        logger.exception("a chore failed; tried again in %s s", IDLE_SECONDS)
        return IDLE_SECONDS


def catch_up(services: Services, kind: Kind, show: Show, pacing: Pacing | None = None) -> float:
    """Shows every alert that is owed and due once, as far as our pace allows. Returns the seconds until the next one
    may be due. If the other side can't be reached, the round ends; the next one starts with the most urgent alert."""
    pacing = pacing or Pacing()
    while owed := _due(services, kind, pacing):
        was_closed = pacing.closed(services.clock())
        for alert in owed:
            if is_closed(lane(alert), pacing.until):
                continue
            try:
                _show_one(services, alert, show)
            except Paced as error:
                pacing.close(paced(lane(alert)), services.clock() + timedelta(seconds=error.retry_after or 1.0))
            except Temporary:
                return _wait(services, kind, pacing)
            except Permanent:  # raised by the store
                raise
            except Exception as error:  # our bug with one incident must not keep the others waiting
                logger.exception("A-%s cannot be shown in %s", alert.incident_id, alert.place)
                said = f"a mistake of ours, {type(error).__name__}; the log says more"
                _postpone(services, alert, services.clock() + PERMANENT_RETRY, error=said)
            if not alert.ref and kind is Kind.slack:
                pacing.until |= overflow.full(services)
        if len(owed) < alerts.LIMIT or pacing.until.keys() <= was_closed:
            break
    return _wait(services, kind, pacing)


def _due(services: Services, kind: Kind, pacing: Pacing) -> list[Alert]:
    now = services.clock()
    if kind is Kind.slack:
        pacing.until |= overflow.full(services)
    with services.store.read() as t:
        quiet = pacing.quiet(alerts.growing(t, kind, now), now) if kind is Kind.slack else []
        return alerts.due(t, kind, now, quiet, pacing.closed(now))


def _wait(services: Services, kind: Kind, pacing: Pacing) -> float:
    """Seconds until the next one may be due, between `SHORTEST_WAIT` and `IDLE_SECONDS`."""
    now = services.clock()
    with services.store.read() as t:
        times = (alerts.next_due(t, kind, pacing.closed(now)), pacing.next())
    waits = [(at - now).total_seconds() for at in times if at is not None]
    return min(IDLE_SECONDS, max(SHORTEST_WAIT, min(waits, default=IDLE_SECONDS)))


def _show_one(services: Services, alert: Alert, show: Show) -> None:
    """Shows one alert. Re-raises Paced and Temporary when it was put off, because they affect the other alerts."""
    now = services.clock()
    posting = alert.place.kind is Kind.slack and not alert.ref
    with services.store.write() as t:
        if not alerts.claim(t, alert, now, now + CLAIM):
            return
        if posting:
            alerts.change(t, alert.id, posting=True)
    with services.store.read() as t:
        incident = incidents.get(t, alert.incident_id)
        if incident is None:
            return
        seen = replace(view(services, t, incident), late=_lateness(alert, now))
    try:
        shown = show(alert, seen)
    except Paced:
        with services.store.write() as t:
            alerts.change(t, alert.id, claimed_until=None, posting=alert.posting)
        raise
    except Temporary as error:
        _try_again(services, alert, error)
        raise
    except Permanent as error:
        logger.warning("%s cannot be shown in %s: %s", seen.incident.name, alert.place, error.message)
        _cannot(services, alert, error, now)
    else:
        _record(services, alert, seen, shown)


def _cannot(services: Services, alert: Alert, error: Permanent, now: datetime) -> None:
    """Posts a deleted message again at once; otherwise shows the incident elsewhere until the channel works again."""
    if error.code in GONE and alert.ref:
        _postpone(services, alert, now, error=error.message, ref="", posting=False)
        return
    _elsewhere(services, alert, error)
    _postpone(services, alert, now + PERMANENT_RETRY, error=error.message, posting=alert.posting)


def _elsewhere(services: Services, alert: Alert, error: Permanent) -> None:
    """A channel that cannot be written must not hide an incident: the root route's channel shows it too, and its thread
    says why, until the channel works again."""
    if (
        alert.place.kind is not Kind.slack
        or error.code not in UNWRITABLE
        or alert.place.target == services.policy.channel
    ):
        return
    now = services.clock()
    with services.store.write() as t:
        alerts.ensure(t, alert.incident_id, Place(Kind.slack, services.policy.channel), now)
        if not alert.error:
            text = f"{alert.place.target} cannot be written: {error.message.removeprefix('Slack: ')}"
            incidents.add_entry(t, alert.incident_id, Entry(now, "unwritable", text))


def _lateness(alert: Alert, now: datetime) -> float:
    if alert.shown or alert.owed_at is None:
        return 0.0
    late = (now - alert.owed_at).total_seconds()
    return late if late > LATE_AFTER else 0.0


def _try_again(services: Services, alert: Alert, error: Temporary) -> None:
    """Retries with full jitter, or when the other side says so. A post whose answer was lost stays `posting`."""
    wait = error.retry_after or full_jitter(alert.tries, base=0.5, most=30.0)
    due = services.clock() + timedelta(seconds=wait)
    keep = {} if error.acted is None else {"posting": alert.posting}
    _postpone(services, alert, due, error=error.message, **keep)


def _postpone(services: Services, alert: Alert, due: datetime, **values: object) -> None:
    with services.store.write() as t:
        alerts.change(t, alert.id, due_at=due, tries=alert.tries + 1, claimed_until=None, **values)
        if not alert.error:
            _paged(services, t, alert)


def _record(services: Services, alert: Alert, seen: View, shown: Shown) -> None:
    """Records what was shown. A message that was edited only for its counts is edited less often from then on."""
    now = services.clock()
    grown = 0 if alert.urgent or alert.news or not alert.ref else alert.grown + 1
    spacing = growth_spacing(grown) if alert.place.kind is Kind.slack else SPACING
    with services.store.write() as t:
        alerts.change(
            t, alert.id, shown=seen.incident.version, channel_id=shown.channel_id, ref=shown.ref, said=shown.said,
            due_at=now + spacing, claimed_until=None, tries=0, error="", posting=False, urgent=False, grown=grown,
            upto=seen.timeline[-1].id if seen.timeline else 0,
            shown_at=now if alert.place.kind is Kind.slack else None,
            **({"posted_at": seen.now} if shown.paged or not alert.ref else {}),
        )  # fmt: skip
        if alert.error:
            alerts.mended(t, alert, now)
        if shown.said != alert.said or alert.error:
            _paged(services, t, alert)


def _paged(services: Services, t: Connection, alert: Alert) -> None:
    """A page, sent or failed, changes what the message shows, so the message is owed."""
    if alert.place.kind is Kind.pager:
        incidents.touch(t, alert.incident_id)
        alerts.hurry(t, alert.incident_id, services.clock())
        services.alerts_owed.set()
