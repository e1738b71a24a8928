"""Routes, matchers and silences: where a signal is shown, how severe it is, and what it is grouped with.

The first route that matches wins, and the root route catches everything. A route's severity beats the runbook's, and
that beats the signal's own. A failure without an exception has no cause to group by. A killed task is grouped by the
lost host, else by its DAG, and by time, so that a lost worker is one message; a failure that the sweep found without a
sign of a kill is grouped by its task. A retry is a warning only where a route asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from bot.core.incidents.runbook import Runbook
from bot.core.roles import Role
from bot.core.signals.signal import SEPARATOR, Family, Signal


class Severity(StrEnum):
    """How severe, lowest first."""

    warning = "warning"
    error = "error"
    critical = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class Broadcast(StrEnum):
    """When a thread line also goes to the whole channel: always, never, once per incident, or from that severity on."""

    always = "always"
    never = "never"
    first = "first"
    error = "error"
    critical = "critical"

    def rings(self, severity: Severity, *, heard: bool) -> bool:
        """Whether this line is sent; `heard` says whether the channel was notified of this incident before."""
        match self:
            case Broadcast.always | Broadcast.never:
                return self is Broadcast.always
            case Broadcast.first:
                return not heard
        return severity.rank >= Severity(self.value).rank


RETRYING = "task_retrying"
NEVER = timedelta.max  # a route's value for paging no one
KILLED_TOGETHER = timedelta(minutes=10)  # a later kill on the same host is another incident
GROUPINGS = ("cause", "dag", "task", "run", "host", "tag")
_MATCHED = ("deployment", "dag", "task", "tag", "owner", "pool", "kind", "severity", "signature")


@dataclass(frozen=True, slots=True)
class Matcher:
    """Patterns (shell globs) by field; every named field must match. `tag` and `owner` match any of several values."""

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
    """Builds a matcher from a `match` table. Raises ValueError that names the wrong field."""
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
    """Matcher → channel, severity, grouping, and after how long to page (NEVER: no one). None inherits from the root
    route. A task that will be retried is a warning from its `warn_on_try`-th failed try on; None: never."""

    name: str
    match: Matcher = field(default_factory=Matcher)
    channel: str | None = None
    severity: Severity | None = None
    group_by: str | None = None
    page_after: timedelta | None = None
    mention: str = ""
    broadcast: Broadcast = Broadcast.always
    warn_on_try: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's configuration. `reopen_within` is how long a failure can reopen a resolved incident,
    `remind_after` how long a person may hold one before a reminder (None: no reminders)."""

    routes: tuple[Route, ...] = ()
    channel: str = "#data-alerts"
    reopen_within: timedelta = timedelta(hours=4)
    remind_after: timedelta | None = timedelta(hours=4)

    def broadcast_of(self, route: str) -> Broadcast:
        """How the route of this name notifies the whole channel; the root route and a removed one always do."""
        return next((one.broadcast for one in self.routes if one.name == route), Broadcast.always)

    @property
    def warns(self) -> bool:
        """Whether any route asks for a warning on retries."""
        return any(route.warn_on_try is not None for route in self.routes)


@dataclass(frozen=True, slots=True)
class Placement:
    """What the policy decided for one signal, and why, as a short phrase. `severity_by` and `page_by` say what decided
    those two; `within` is how long after its last failure an incident takes one more (None: no limit); `warns` is
    whether a retry is worth a warning."""

    route: str
    channel: str
    severity: Severity
    key: str
    page_after: timedelta | None
    mention: str
    why: str
    severity_by: str = ""
    page_by: str = ""
    within: timedelta | None = None
    warns: bool = False


def exactly(name: str) -> str:
    """A pattern that matches this name and no other."""
    return re.sub(r"[*?\[]", r"[\g<0>]", name)


def name_of(pattern: str) -> str | None:
    """The only name that a pattern matches; None if it can match several."""
    plain = re.sub(r"\[([*?\[])\]", "", pattern)
    return None if re.search(r"[*?\[]", plain) else re.sub(r"\[([*?\[])\]", r"\1", pattern)


@dataclass(frozen=True, slots=True)
class Silence:
    """Silences what matches: until when, by whom and why. `scope` is `dag:…`, `task:dag.task`, `thing:…` or
    `signature:…`. `severity` is the worst that its maker had in view, and `role` the role that they held: the silence
    covers nothing worse, and nothing that needs a higher role."""

    id: int
    scope: str
    deployment: str
    until: datetime
    by: str
    reason: str
    severity: Severity = Severity.critical
    role: Role = Role.admin

    def covers(self, signal: Signal, signature: str, now: datetime, severity: Severity = Severity.warning) -> bool:
        if now >= self.until or signal.deployment != self.deployment or severity.rank > self.severity.rank:
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
    """The severity of the signal alone: its own field, then the tag `critical`, then its kind."""
    if signal.severity in Severity.__members__:
        return Severity(signal.severity)
    if "critical" in signal.tags:
        return Severity.critical
    return Severity.warning if signal.family is Family.late else Severity.error


def route(signal: Signal, signature: str, policy: Policy, book: Runbook | None = None) -> Placement:
    """Places the signal. The first route that matches wins; the root route catches the rest. `book` is the runbook that
    fits the signal."""
    severity, severity_by = _severity(signal, book)
    chosen = next((r for r in policy.routes if r.match(signal, severity, signature)), Route("root"))
    if chosen.severity is not None:
        severity, severity_by = chosen.severity, f"route {chosen.name}"
    page_after, page_by = _page(chosen, severity, book)
    group_by = chosen.group_by or "cause"
    placed = Placement(
        route=chosen.name, channel=chosen.channel or policy.channel, severity=severity,
        key=group_key(signal, signature, group_by), page_after=page_after, mention=chosen.mention,
        why=f"route {chosen.name}", severity_by=severity_by, page_by=page_by,
        within=KILLED_TOGETHER if group_by == "cause" and _was_killed(signal) else None,
    )  # fmt: skip
    return _warning(placed, chosen, signal) if signal.kind == RETRYING else placed


def _severity(signal: Signal, book: Runbook | None) -> tuple[Severity, str]:
    """The severity before any route changes it, and what set it. A runbook can only raise it; a route may lower it."""
    own = severity_of(signal)
    if book is not None and book.severity in Severity.__members__ and Severity(book.severity).rank > own.rank:
        return Severity(book.severity), f"runbook {book.name}"
    return own, "signal"


def _page(chosen: Route, severity: Severity, book: Runbook | None) -> tuple[timedelta | None, str]:
    """When to page the person on call (None: never), and what decided it. A critical signal pages at once, unless the
    route says when."""
    if chosen.page_after is not None:
        return (None if chosen.page_after == NEVER else chosen.page_after), f"route {chosen.name}"
    if severity is Severity.critical:
        return timedelta(0), "critical" if chosen.severity is None else f"route {chosen.name}"
    if book is not None and book.escalate_after is not None:
        return book.escalate_after, f"runbook {book.name}"
    return None, ""


def _warning(placed: Placement, chosen: Route, signal: Signal) -> Placement:
    """The placement of a retry: a separate warning, which pages only if the route says when."""
    said = chosen.page_after is not None
    return replace(
        placed, severity=Severity.warning, severity_by="kind task_retrying",
        key=SEPARATOR.join((placed.key, RETRYING)), page_after=placed.page_after if said else None,
        page_by=placed.page_by if said else "",
        warns=chosen.warn_on_try is not None and signal.try_number >= chosen.warn_on_try,
    )  # fmt: skip


def group_key(signal: Signal, signature: str, group_by: str) -> str:
    """The key of the incident that the signal belongs to. Each thing that isn't a task failure is its own group."""
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
    if not _was_killed(signal):
        return ("unexplained", signal.dag_id, signal.task_id)
    return ("killed-on", signal.hostname) if signal.hostname else ("killed-in", signal.dag_id)


def _was_killed(signal: Signal) -> bool:
    """Whether a task ended without an exception because it was killed. If only the sweep reported it, the hook may be
    missing, so it counts as killed only if the sweep says so."""
    if signal.family is not Family.task or signal.exception.type or signal.exception.message:
        return False
    return signal.source != "sweep" or bool(signal.extra.get("killed"))
