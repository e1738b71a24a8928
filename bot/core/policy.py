"""Where a signal is seen, how bad it is, and what it is grouped with: routes, matchers and silences.

Hard case: a failure without an exception has no cause to group by. One that was killed folds by the host that was lost, else
by its DAG, so that a lost worker is one message and not a hundred; one that the sweep found, and that nothing says was
killed, stands for its task. Rule: the first route that matches wins, and the
root route catches everything, so no signal can fall on the floor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from bot.core.signal import SEPARATOR, Family, Signal


class Severity(StrEnum):
    """How bad, least first."""

    warning = "warning"
    error = "error"
    critical = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


GROUPINGS = ("cause", "dag", "task", "run", "host", "tag")
_MATCHED = ("deployment", "dag", "task", "tag", "owner", "pool", "kind", "severity", "signature")


@dataclass(frozen=True, slots=True)
class Matcher:
    """Patterns (shell globs) by field; every field named must match. `tag` and `owner` match any of several."""

    patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __call__(self, signal: Signal, severity: Severity, signature: str) -> bool:
        values = {
            "deployment": (signal.deployment,),
            "dag": (signal.dag_id,),
            "task": (signal.task_id, f"{signal.dag_id}.{signal.task_id}"),
            "tag": signal.tags,
            "owner": tuple(part.strip() for part in signal.owner.split(",")),
            "pool": (signal.pool,),
            "kind": (signal.kind,),
            "severity": (severity.value,),
            "signature": (signature,),
        }
        return all(
            any(fnmatchcase(value, pattern) for value in values[name] for pattern in patterns)
            for name, patterns in self.patterns.items()
        )


def matcher(table: Mapping[str, Any], where: str) -> Matcher:
    """A matcher from a `match` table. Raises ValueError that names the wrong field."""
    unknown = sorted(set(table) - set(_MATCHED))
    if unknown:
        raise ValueError(f"{where}.{unknown[0]}: no such field; there are {', '.join(_MATCHED)}")
    return Matcher({name: _patterns(value, f"{where}.{name}") for name, value in table.items()})


def _patterns(value: object, where: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(one, str) for one in listed):
        raise ValueError(f"{where}: must be a pattern or a list of patterns")
    return tuple(listed)


@dataclass(frozen=True, slots=True)
class Route:
    """Matcher → channel, severity, grouping, who is paged and after how long. None inherits from the root route."""

    name: str
    match: Matcher = field(default_factory=Matcher)
    channel: str | None = None
    severity: Severity | None = None
    group_by: str | None = None
    page_after: timedelta | None = None
    mention: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """All that the operator decided. `reopen_within` is how long a resolved incident may come back as itself,
    `remind_after` how long somebody may have one before being asked about it."""

    routes: tuple[Route, ...] = ()
    channel: str = "#data-alerts"
    reopen_within: timedelta = timedelta(hours=4)
    remind_after: timedelta | None = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Placement:
    """What the policy decided for one signal, and why, as a short phrase."""

    route: str
    channel: str
    severity: Severity
    key: str
    page_after: timedelta | None
    mention: str
    why: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Quiet for what matches, until when, by whom and why. `scope` is `dag:…`, `task:dag.task`, or `signature:…`."""

    id: int
    scope: str
    deployment: str
    until: datetime
    by: str
    reason: str

    def covers(self, signal: Signal, signature: str, now: datetime) -> bool:
        if now >= self.until or signal.deployment != self.deployment:
            return False
        what, _, pattern = self.scope.partition(":")
        match what:
            case "dag":
                return bool(signal.dag_id) and fnmatchcase(signal.dag_id, pattern)
            case "task":
                return bool(signal.task_id) and fnmatchcase(f"{signal.dag_id}.{signal.task_id}", pattern)
            case "thing":
                return signal.label == pattern
            case _:
                return what == "signature" and signature == pattern


def severity_of(signal: Signal) -> Severity:
    """How bad a signal is by itself: its own word, then the tag `critical`, then its kind."""
    if signal.severity in Severity.__members__:
        return Severity(signal.severity)
    if "critical" in signal.tags:
        return Severity.critical
    return Severity.warning if signal.family is Family.late else Severity.error


def route(signal: Signal, signature: str, policy: Policy) -> Placement:
    """Where the signal goes. The first route that matches wins; the root route catches the rest."""
    severity = severity_of(signal)
    chosen = next((r for r in policy.routes if r.match(signal, severity, signature)), Route("root"))
    severity = chosen.severity or severity
    page_after = chosen.page_after
    if page_after is None and severity is Severity.critical:
        page_after = timedelta(0)
    return Placement(
        route=chosen.name,
        channel=chosen.channel or policy.channel,
        severity=severity,
        key=group_key(signal, signature, chosen.group_by or "cause"),
        page_after=page_after,
        mention=chosen.mention,
        why=f"route {chosen.name}",
    )


def group_key(signal: Signal, signature: str, group_by: str) -> str:
    """What the signal is one incident with. Things that are no task failures stand for themselves."""
    if signal.family is not Family.task:
        return signal.thing
    parts: tuple[str, ...]
    match group_by:
        case "dag":
            parts = ("dag", signal.dag_id)
        case "task":
            parts = ("task", signal.dag_id, signal.task_id)
        case "run":
            parts = ("run", signal.dag_id, signal.run_id)
        case "host":
            parts = ("host", signal.hostname or signal.dag_id)
        case "tag":
            parts = ("tag", next(iter(sorted(signal.tags)), signal.dag_id))
        case _:
            parts = _cause(signal, signature)
    return SEPARATOR.join(("group", signal.deployment, *parts))


def _cause(signal: Signal, signature: str) -> tuple[str, ...]:
    if signal.exception.type or signal.exception.message:
        return ("cause", signature)
    if signal.source == "sweep" and not signal.extra.get("killed"):
        return (
            "unexplained",
            signal.dag_id,
            signal.task_id,
        )  # its hook may only be missing: nothing says that it was killed
    if signal.hostname:
        return ("killed-on", signal.hostname)
    return ("killed-in", signal.dag_id)
