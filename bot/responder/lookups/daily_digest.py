"""The daily digest: one day in a few lines, and what deserves a look. It is posted once a day, or on request.

A day begins and ends at midnight in the configured time zone, so it can have 23 or 25 hours. The replica that claims
the day's row posts it. If Slack's answer is lost, the row stays claimed, because no digest is better than two. Unknown
figures (no metastore, nothing acknowledged) are None and left out.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from statistics import fmean, median
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection

from bot.core.errors import Permanent, Temporary
from bot.core.incidents.incident import OPEN_STATES, Incident, State
from bot.core.incidents.routing import Silence
from bot.responder.questions import RunTally
from bot.store import counts, incidents
from bot.store.counts import Failures
from bot.store.signals import coverage
from bot.store.signals.coverage import Coverage
from bot.store.silences import active_silences

if TYPE_CHECKING:
    from bot.responder.services import Services

logger = logging.getLogger(__name__)
LATEST = timedelta(hours=3)  # after it was due; by the evening it is stale
AGAIN = timedelta(seconds=60)  # until the next attempt, which asks every deployment's metastore again
WORTH = 3
LONG_OPEN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Duration:
    """How long something took over `number` incidents: median and mean in seconds."""

    number: int
    median: float
    mean: float


@dataclass(frozen=True, slots=True)
class Highlight:
    """One thing worth a look. `kind` is `open` (unacknowledged for `seconds`), `failed` (`number` times) or `untold`
    (`number` failures that Airflow knows but nothing reported). `incident` is None if there isn't one."""

    kind: str
    number: int = 0
    seconds: float = 0.0
    incident: Incident | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """One day, from midnight to midnight of the zone. `opened_before` is how many incidents opened on the same weekday
    a week before; `by_hour` counts failed task instances in each hour of the day, `dags` those of the worst DAGs."""

    day: date
    zone: tzinfo
    since: datetime
    until: datetime
    now: datetime
    runs: RunTally | None = None
    opened: int = 0
    opened_before: int = 0
    resolved: int = 0
    still_open: int = 0
    to_acknowledge: Duration | None = None
    to_resolve: Duration | None = None
    by_hour: Sequence[int] = ()
    dags: Sequence[tuple[str, int]] = ()
    coverage: Coverage = field(default_factory=Coverage)
    silences: Sequence[Silence] = ()
    worth: Sequence[Highlight] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """When and where the previous day's digest is posted."""

    at: time
    zone: tzinfo
    channel: str


class Post(Protocol):
    """Posts a digest in a channel. Raises `Temporary` or `Permanent`."""

    def __call__(self, digest: Digest, channel: str) -> object: ...


def yesterday(now: datetime, zone: tzinfo) -> date:
    return now.astimezone(zone).date() - timedelta(days=1)


def midnight(day: date, zone: tzinfo) -> datetime:
    """When the day begins in that zone, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def digest(services: Services, day: date, zone: tzinfo) -> Digest:
    """Builds the digest of that day, as far as it has passed."""
    now = services.clock()
    since, until = midnight(day, zone), midnight(day + timedelta(days=1), zone)
    with services.store.read() as t:
        failed, open_now = counts.failures(t, since, until), incidents.listed(t, OPEN_STATES, limit=1_000)
        began, week = counts.opened(t, since, until), timedelta(days=7)
        covered = coverage.coverage(t, None, since, until)
        return Digest(
            day, zone, since, until, now, runs=_runs(services, since, until), opened=len(began),
            opened_before=len(counts.opened(t, since - week, until - week)),
            resolved=len(ended := counts.resolved(t, since, until)), still_open=len(open_now),
            to_acknowledge=_took([(began[one], at) for one, at in counts.taken(t, list(began)).items()]),
            to_resolve=_took(ended), by_hour=_by_hour(failed, since, until), dags=_worst(failed), coverage=covered,
            silences=active_silences(t, now), worth=_worth(t, failed, open_now, covered, now),
        )  # fmt: skip


def _runs(services: Services, since: datetime, until: datetime) -> RunTally | None:
    """The runs of all deployments whose metastore answers; None if none does."""
    seen: list[RunTally] = []
    for name, tally in services.tallies.items():
        try:
            seen.append(tally(since, until))
        except (Temporary, Permanent) as error:
            logger.info("the runs of %s are not in the digest: %s", name, error.message)
    return RunTally(sum(one.ended for one in seen), sum(one.succeeded for one in seen)) if seen else None


def _took(pairs: Sequence[tuple[datetime, datetime]]) -> Duration | None:
    seconds = [max(0.0, (end - start).total_seconds()) for start, end in pairs]
    return Duration(len(seconds), median(seconds), fmean(seconds)) if seconds else None


def _by_hour(failed: Sequence[Failures], since: datetime, until: datetime) -> list[int]:
    hours = Counter[int]()
    for one in failed:
        hours[one.hour] += one.number
    return [hours[hour] for hour in range((until - since) // timedelta(hours=1))]


def _worst(failed: Sequence[Failures], most: int = 3) -> list[tuple[str, int]]:
    dags = Counter[str]()
    for one in failed:
        dags[one.dag_id] += one.number
    return sorted(dags.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


def _worth(
    t: Connection, failed: Sequence[Failures], open_now: Sequence[Incident], covered: Coverage, now: datetime
) -> list[Highlight]:
    """Unacknowledged incidents, unreported failures, and what failed most; at most three of them."""
    free = [
        one for one in open_now if one.state is State.open and one.silence is None and now - _since(one) >= LONG_OPEN
    ]
    waiting = sorted(free, key=lambda one: (-one.severity.rank, _since(one)))
    found = [Highlight("open", seconds=(now - _since(one)).total_seconds(), incident=one) for one in waiting[:1]]
    if untold := covered.known - sum(covered.told.values()):
        found.append(Highlight("untold", untold))
    counted = Counter[int]()
    for failure in failed:
        counted[failure.incident_id] += failure.number
    for incident_id, number in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[: WORTH + 1]:
        named = {one.incident.id for one in found if one.incident is not None}
        if number > 1 and incident_id not in named and (known := incidents.get(t, incident_id)) is not None:
            found.append(Highlight("failed", number, incident=known))
    found += [Highlight("open", seconds=(now - _since(one)).total_seconds(), incident=one) for one in waiting[1:]]
    return found[:WORTH]


def _since(incident: Incident) -> datetime:
    return incident.reopened_at or incident.opened_at


def send_due(services: Services, plan: Plan, post: Post) -> bool:
    """Posts the previous day's digest if it is due and not posted yet; True if it did."""
    now = services.clock()
    today = now.astimezone(plan.zone).date()
    due = datetime.combine(today, plan.at, plan.zone).astimezone(UTC)
    if not due <= now < due + LATEST or (services.digest_again_at and now < services.digest_again_at):
        return False
    day = (today - timedelta(days=1)).isoformat()
    with services.store.read() as t:
        if counts.claimed(t, day):
            return False
    with services.store.write() as t:
        if not counts.claim(t, day, now):
            return False
    return _send(services, plan, post, today - timedelta(days=1))


def _send(services: Services, plan: Plan, post: Post, day: date) -> bool:
    try:
        post(digest(services, day, plan.zone), plan.channel)
    except (Temporary, Permanent) as error:
        logger.warning("the digest of %s was not posted: %s", day, error.message)
        wait = getattr(error, "retry_after", None)
        services.digest_again_at = services.clock() + (timedelta(seconds=wait) if wait else AGAIN)
        if isinstance(error, Permanent) or error.acted is not None:  # if the answer was lost, it may have been posted
            with services.store.write() as t:
                counts.let_go(t, day.isoformat())
        return False
    return True
