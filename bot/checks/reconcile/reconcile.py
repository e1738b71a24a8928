"""Finds failures that Airflow has and that were never reported, and reports them as the same signals, marked `sweep`.

A killed task runs no hook. A row that is committed late carries an earlier time than its neighbours, so every round
looks back past its watermark. A row is skipped for its first seconds, because the hook's report may be on its way and
includes the exception. The watermark moves only after the report, so a restart skips nothing, and a signal's identity
prevents a second report.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bot.checks.check import moment
from bot.core.errors import Permanent, Temporary
from bot.core.signals.signal import Family, Signal
from bot.core.signals.wire import BadSignal, parse
from bot.store import state
from bot.store.database import Store
from bot.store.signals import coverage
from bot.store.signals.coverage import HOOK, SWEEP, Known

logger = logging.getLogger(__name__)
GRACE = timedelta(seconds=5)  # a hook's own report has more detail, so it goes first
OVERLAP = timedelta(minutes=2)  # how late a row may be committed, and how far clocks may be apart
HORIZON = timedelta(minutes=10)  # how far back the first look goes
BATCH = 500
LABEL, HOST = 17, 24  # the evidence has 72 columns: the width of its label, and of a host name
HOOKS_ALIVE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try or run, read from Airflow. `signal` has no owner and tags yet; `killed` means that Airflow itself
    recorded the kill."""

    signal: Signal
    ended_at: datetime
    killed: bool = False

    @property
    def known(self) -> Known:
        """The key under which this failure is counted. A cleared run can fail again under the same name, so its end is
        part of the key; a try can't."""
        again = self.ended_at.isoformat() if self.signal.family is Family.run else ""
        return Known(f"{self.signal.identity}{again}", self.ended_at)


@dataclass(frozen=True, slots=True)
class Found:
    """The result of one look: Airflow's own time, the time up to which everything was read, and the failures."""

    now: datetime
    upto: datetime
    failures: Sequence[Failure] = ()


class Source(Protocol):
    """Where failures are read from: the metastore, or the API."""

    def now(self) -> datetime: ...

    def look(self, since: datetime) -> Found:
        """Returns the failures that ended since then. Raises Temporary and Permanent."""

    def about(self, dag_ids: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """Returns `owner` and `tags` by DAG id, where known; routes match on them."""


@dataclass(frozen=True, slots=True)
class Round:
    """The result of one round: how many failures were new, how many of them each reporter reported, and seconds
    taken."""

    known: int = 0
    told: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class Reconcile:
    """Compares one deployment with what was reported. `report` returns after the signals are committed, or raises."""

    def __init__(
        self,
        deployment: str,
        source: Source,
        store: Store,
        report: Callable[[Sequence[Signal]], object],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        grace: timedelta = GRACE,
        horizon: timedelta = HORIZON,
    ) -> None:
        self._deployment, self._source = deployment, source
        self._store, self._report, self._clock = store, report, clock
        self._grace, self._horizon = grace, horizon
        self._key = f"reconcile/{deployment}"

    def run(self) -> Round:
        """Runs one round. Raises Temporary and Permanent; the next round then reads the same period again."""
        began = time.monotonic()
        found = self._source.look(self._since())
        ripe = [one for one in found.failures if not self._is_young(one, found.now)]
        with self._store.read() as t:
            done = coverage.counted(t, (one.known for one in ripe))
            new = [one for one in ripe if one.known.key not in done]
            told = coverage.when_told(t, (one.signal.identity for one in new))
        missed = [one for one in new if one.signal.identity not in told]
        self._tell(missed)
        self._count([replace(one.known, told_at=told[one.signal.identity], by=HOOK)
                     for one in new if one.signal.identity in told])  # fmt: skip
        with self._store.write() as t:
            state.keep(t, self._key, {"upto": found.upto.isoformat()})
            coverage.forget(t, self._clock())
        counts = {by: number for by, number in ((HOOK, len(told)), (SWEEP, len(missed))) if number}
        return Round(len(new), counts, time.monotonic() - began)

    def keep_up(self) -> None:
        """Runs a scheduled round. A failed round is logged; the next one covers its period."""
        try:
            self.run()
        except (Temporary, Permanent) as error:
            logger.warning("%s could not be compared with what was reported: %s", self._deployment, error.message)

    def _since(self) -> datetime:
        with self._store.read() as t:
            upto = moment(state.recall(t, self._key).get("upto"))
        if upto is not None:
            return upto - OVERLAP
        since = self._source.now() - self._horizon
        logger.info(
            "first look at %s: failures since %s are reported", self._deployment, since.isoformat(" ", "seconds")
        )
        return since

    def _is_young(self, failure: Failure, now: datetime) -> bool:
        """Whether the hook may still report the failure. An end in the future comes from a worker's fast clock and
        doesn't count as young, or the failure would wait until then."""
        return timedelta(0) <= now - failure.ended_at < self._grace

    def _tell(self, missed: Sequence[Failure]) -> None:
        """Reports failures that were missed. They are recorded first, so after a crash in between they count as known
        but unreported."""
        if not missed:
            return
        self._count([one.known for one in missed])
        about = self._source.about({one.signal.dag_id for one in missed})
        dressed = self._with_neighbours([_dressed(one, about.get(one.signal.dag_id, {})) for one in missed])
        for start in range(0, len(dressed), BATCH):
            batch = dressed[start : start + BATCH]
            late: Temporary | None = None
            try:
                self._report([one.signal for one in batch])
            except Temporary as error:
                if not error.acted:
                    raise
                late = error  # the signals are stored, so count them as reported by the sweep
            now = self._clock()
            self._count([replace(one.known, told_at=now, by=SWEEP) for one in batch])
            if late is not None:
                raise late
        logger.info("%s: %d failures had not been reported", self._deployment, len(missed))

    def _count(self, seen: Sequence[Known]) -> None:
        if seen:
            with self._store.write() as t:
                coverage.count(t, self._deployment, seen)

    def _with_neighbours(self, missed: Sequence[Failure]) -> list[Failure]:
        """Adds evidence where several tasks on one host ended within a minute without a report: the host ran out of
        memory."""
        if not any(one.signal.hostname for one in missed):
            return list(missed)
        with self._store.read() as t:
            lately = coverage.coverage(t, self._deployment, self._clock() - HOOKS_ALIVE)
        hooks_speak = lately.told.get(HOOK, 0) > 0
        return [_beside(one, missed, hooks_speak=hooks_speak) for one in missed]


def failure(body: Mapping[str, Any], ended_at: datetime, *, killed: bool = False) -> Failure | None:
    """Builds a failure from a signal's body. If the body is not a valid signal, logs that and returns None."""
    try:
        return Failure(parse(body, datetime.now(UTC)), ended_at, killed)
    except BadSignal as error:
        logger.warning("a failure of %r cannot be reported: %s", body.get("dag_id"), error)
        return None


def line(label: str, text: str) -> str:
    """One line of evidence: `last heartbeat   04:51:07 UTC on worker-3, pid 2281`."""
    return f"{label:<{LABEL}}{text}"


def clock_time(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"


def last_sign(beat: datetime | None, ended_at: datetime, hostname: str, pid: object) -> str:
    """A line of evidence: when and where the task was last seen; its end if it never sent a heartbeat."""
    place = f" on {short(hostname)}" if hostname else ""
    who = f", pid {pid}" if place and pid else ""
    if beat is None and not place:
        return line("never started", "no host, no process")
    label, at = ("ended", ended_at) if beat is None else ("last heartbeat", beat)
    return line(label, f"{clock_time(at)}{place}{who}")


def short(hostname: str) -> str:
    """Shortens a long host name in the middle: a pod's name is identified by its beginning and its end."""
    return hostname if len(hostname) <= HOST else f"{hostname[: HOST - 11]}…{hostname[-10:]}"


def _dressed(one: Failure, about: Mapping[str, Any]) -> Failure:
    tags = tuple(about.get("tags", ()))
    extra = {**one.signal.extra, "killed": True} if one.killed else one.signal.extra
    return replace(one, signal=replace(one.signal, owner=str(about.get("owner", "")), tags=tags, extra=extra))


def _beside(one: Failure, missed: Sequence[Failure], *, hooks_speak: bool) -> Failure:
    signal = one.signal
    near = [
        other for other in missed
        if other is not one and other.signal.task_id and other.signal.hostname == signal.hostname
        and abs(other.ended_at - one.ended_at) <= timedelta(minutes=1)
    ] if signal.hostname and signal.task_id else []  # fmt: skip
    if not near:
        return one
    place = signal.hostname if len(signal.hostname) <= 15 else "this host"  # the line above names it
    killed = one.killed or hooks_speak  # where hooks never report, a missing report means nothing
    said = f"{len(near)} more {'task' if len(near) == 1 else 'tasks'} on {place}"
    text = line("same minute", said + (": likely out of memory" if killed else ""))
    extra = dict(signal.extra)
    extra |= {"evidence": [*extra.get("evidence", ()), text][:3], "same_host_same_minute": len(near)}
    if killed:
        extra["killed"] = True  # they share the host, so they are grouped together
    return replace(one, signal=replace(signal, extra=extra))
