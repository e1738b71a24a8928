"""Signals: one report that something is wrong, or well again, and what it is about.

Hard case: hostile or odd text. Free text (messages, tracebacks, notes) is cleaned or cut and taken, so that no failure is
lost over a NUL byte; an identifier with such text is refused, since cutting it would name something else. Rule: a
signal never changes after `parse`, and `identity` is the only thing that makes a second report a duplicate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from math import isfinite
from typing import Any

MESSAGE_LIMIT = 8_192
TRACEBACK_LIMIT = 16_384
SEPARATOR = "\x1f"  # no identifier may hold a control character, so joined names stay apart
IDENTIFIER_LIMIT = 500  # Airflow's own columns hold 250; a file path may be longer
TEXT_LIMIT = 2_000
EXTRA_LIMIT = 50


class Mood(StrEnum):
    """What a kind says about its subject."""

    sick = "sick"
    well = "well"
    neutral = "neutral"  # worth keeping, changes nothing by itself


class Family(StrEnum):
    """What sort of thing a kind is about; it decides which fields name the subject."""

    task = "task"
    run = "run"
    late = "late"
    file = "file"
    check = "check"
    external = "external"


KINDS: dict[str, tuple[Family, Mood]] = {
    "task_failed": (Family.task, Mood.sick),
    "task_retrying": (Family.task, Mood.neutral),
    "task_succeeded": (Family.task, Mood.well),
    "run_failed": (Family.run, Mood.sick),
    "run_succeeded": (Family.run, Mood.well),
    "sla_missed": (Family.late, Mood.sick),
    "deadline_missed": (Family.late, Mood.sick),
    "import_error": (Family.file, Mood.sick),
    "import_fixed": (Family.file, Mood.well),
    "check_failed": (Family.check, Mood.sick),
    "check_ok": (Family.check, Mood.well),
    "external": (Family.external, Mood.sick),
}
OPPOSITE = {
    "run_failed": "run_succeeded",
    "run_succeeded": "run_failed",
    "import_error": "import_fixed",
    "import_fixed": "import_error",
    "check_failed": "check_ok",
    "check_ok": "check_failed",
}
CHECK_SEVERITIES = ("", "warning", "error", "critical")
# The fields that must be there for each family, besides kind, deployment and occurred_at.
REQUIRED: dict[Family, tuple[str, ...]] = {
    Family.task: ("dag_id", "run_id", "task_id"),
    Family.run: ("dag_id", "run_id"),
    Family.late: ("dag_id",),
    Family.file: ("file",),
    Family.check: ("check",),
    Family.external: ("name",),
}
NAMES = ("dag_id", "run_id", "task_id", "file", "check", "name")  # identifiers: refused when odd, never cut
WORDS = ("state", "source", "owner", "operator", "hostname", "pool", "queue", "log_url", "sentence", "severity",
         "runbook")  # fmt: skip
KNOWN = frozenset({"v", "kind", "deployment", "occurred_at", "map_index", "try_number", "max_tries", "exception",
                   "tags", "logical_date", *NAMES, *WORDS})  # fmt: skip
# Other programs' names for the same thing; taken, so that no report is lost over a synonym.
SYNONYMS = {
    "filename": "file",
    "title": "name",
    "check_name": "check",
    "subject": "name",
    "subject_key": "name",
}

_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


class BadSignal(ValueError):
    """A signal that cannot be taken. `field` names the fault, the message says the remedy."""

    def __init__(self, field_name: str, remedy: str) -> None:
        super().__init__(f"{field_name}: {remedy}")
        self.field = field_name


@dataclass(frozen=True, slots=True)
class Fault:
    """The exception of a failure: type as people write it (`psycopg.OperationalError`), message, traceback."""

    type: str = ""
    message: str = ""
    traceback: str = ""

    def __bool__(self) -> bool:
        return bool(self.type or self.message or self.traceback)


@dataclass(frozen=True)
class Signal:
    """One report. Strings that are not known are empty, `map_index` is -1 for an unmapped task, times are aware UTC."""

    kind: str
    deployment: str
    occurred_at: datetime
    dag_id: str = ""
    run_id: str = ""
    task_id: str = ""
    map_index: int = -1
    try_number: int = 0
    max_tries: int | None = None
    file: str = ""
    check: str = ""
    name: str = ""
    state: str = ""
    source: str = ""
    owner: str = ""
    operator: str = ""
    hostname: str = ""
    pool: str = ""
    queue: str = ""
    log_url: str = ""
    sentence: str = ""
    severity: str = ""
    runbook: str = ""
    logical_date: str = ""
    tags: tuple[str, ...] = ()
    exception: Fault = field(default_factory=Fault)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def family(self) -> Family:
        return KINDS[self.kind][0]

    @property
    def mood(self) -> Mood:
        if self.kind == "external" and self.state in {"resolved", "ok", "well"}:
            return Mood.well
        return KINDS[self.kind][1]

    @cached_property
    def thing(self) -> str:
        """What the signal is about, without the try: what can become well again."""
        return thing_key(self.family, self.deployment, *self._names())

    @cached_property
    def identity(self) -> str:
        """What makes a second report a duplicate: kind, deployment and the subject down to map index and try. A check that
        becomes worse is news; one that is as sick as before is not."""
        return self._identity(self.kind, self.mood, self.severity)

    def opposites(self) -> tuple[str, ...]:
        """Identities that this signal makes possible again: a file that was mended may break once more."""
        if self.kind == "external":
            return (self._identity("external", Mood.well if self.mood is Mood.sick else Mood.sick),)
        kind = OPPOSITE.get(self.kind)
        if not kind:
            return ()
        words = CHECK_SEVERITIES if kind == "check_failed" else ("",)
        return tuple(self._identity(kind, KINDS[kind][1], word) for word in words)

    def heals(self) -> tuple[str, ...]:
        """The things that this signal reports well; empty when it reports nothing well."""
        if self.mood is not Mood.well:
            return ()
        late = thing_key(Family.late, self.deployment, self.dag_id, self.run_id, self.task_id)
        return (self.thing, late) if self.dag_id else (self.thing,)

    @property
    def run(self) -> str:
        """The key of the DAG run that this belongs to, empty when there is none."""
        return SEPARATOR.join((self.deployment, self.dag_id, self.run_id)) if self.run_id else ""

    @property
    def label(self) -> str:
        """`sales_daily.load[6]`, the way people write it."""
        if self.family is Family.file:
            return self.file
        if self.family is Family.check:
            return f"{self.check} {self.name}".strip()
        task = self.task_id and (self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]")
        return ".".join(part for part in (self.dag_id, task) if part) or self.name

    def _identity(self, kind: str, mood: Mood, severity: str = "") -> str:
        worse = severity if kind == "check_failed" and severity in CHECK_SEVERITIES else ""
        return SEPARATOR.join((kind, mood, self.thing, str(self.try_number), worse))

    def _names(self) -> tuple[str | int, ...]:
        match self.family:
            case Family.task:
                return (self.dag_id, self.run_id, self.task_id, self.map_index)
            case Family.run:
                return (self.dag_id, self.run_id)
            case Family.late:
                return (self.dag_id, self.run_id, self.task_id)
            case Family.file:
                return (self.file,)
            case Family.check:
                return (self.check, self.name)
            case _:
                return (self.name,)


def thing_key(family: Family, deployment: str, *names: str | int) -> str:
    """The stored key of a thing. Names are joined by a character that no identifier may hold."""
    return SEPARATOR.join((family, deployment, *(str(name) for name in names)))


def task_thing(deployment: str, dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """The key of one task instance."""
    return thing_key(Family.task, deployment, dag_id, run_id, task_id, map_index)


def clean(text: object, limit: int = TEXT_LIMIT) -> str:
    """Foreign text made harmless to store: no control characters or lone surrogates, and at most `limit` characters
    (the middle goes, since a traceback's last lines and first lines matter)."""
    plain = text if isinstance(text, str) else "" if text is None else str(text)
    if len(plain) > limit * 4:  # bound the work before the regular expressions see megabytes
        plain = plain[: limit * 2] + plain[-limit * 2 :]
    plain = _SURROGATES.sub("\ufffd", plain.replace("\r\n", "\n").replace("\r", "\n"))
    plain = _BIDI.sub("", _CONTROL.sub("\ufffd", plain))
    if len(plain) <= limit:
        return plain
    head = limit // 3
    return f"{plain[:head]}\n… {len(plain) - limit:,} characters cut …\n{plain[-(limit - head - 40) :]}"


def parse(body: Mapping[str, Any], now: datetime) -> Signal:
    """A signal from its JSON object. Raises `BadSignal` that names the field and the remedy."""
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadSignal("kind", f"must be one of {', '.join(sorted(KINDS))}")
    version = body.get("v", 1)
    if version != 1 or isinstance(version, bool):
        raise BadSignal("v", "this Windsock understands version 1")
    values = {key: value for key, value in body.items() if key in KNOWN}
    family = KINDS[kind][0]
    values |= {known: body[key] for key, known in _synonyms(body, family).items()}
    names = {name: _identifier(values, name, name in REQUIRED[family]) for name in NAMES}
    return Signal(
        kind=kind,
        deployment=_identifier(values, "deployment", True),
        occurred_at=_moment(body.get("occurred_at"), now),
        map_index=_integer(values, "map_index", -1, least=-1) if family is Family.task else -1,
        try_number=_integer(values, "try_number", 0, least=0),
        max_tries=_integer(values, "max_tries", -1, least=-1) if values.get("max_tries") is not None else None,
        tags=_tags(values.get("tags")),
        exception=_fault(values.get("exception")),
        logical_date=clean(values.get("logical_date"), 64),
        extra=_extra(body, family),
        **names,
        **{word: clean(values.get(word)) for word in WORDS},
    )


def _synonyms(body: Mapping[str, Any], family: Family) -> dict[str, str]:
    """Which of the other programs' words stand for a name that this kind has and that is not given in our own words."""
    taken = {known: key for key, known in reversed(SYNONYMS.items()) if isinstance(body.get(key), str)}
    named = (*REQUIRED[family], "name") if family is Family.check else REQUIRED[family]
    return {key: known for known, key in taken.items() if known in named and known not in body}


def _identifier(values: Mapping[str, Any], name: str, required: bool) -> str:
    value = values.get(name)
    if value is None or value == "":
        if required:
            raise BadSignal(name, "is required for this kind; give it as a string")
        return ""
    if not isinstance(value, str):
        raise BadSignal(name, "must be a string")
    if len(value) > IDENTIFIER_LIMIT:
        raise BadSignal(name, f"is longer than {IDENTIFIER_LIMIT} characters; Airflow's ids are shorter")
    if _CONTROL.search(value) or _SURROGATES.search(value) or "\n" in value or "\r" in value:
        raise BadSignal(name, "holds control characters or half a character; send the id as Airflow shows it")
    if not value.strip():
        raise BadSignal(name, "is blank; send the id as Airflow shows it")
    return value


def _integer(values: Mapping[str, Any], name: str, default: int, *, least: int) -> int:
    value = values.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**31:
        raise BadSignal(name, f"must be a whole number of at least {least}")
    return value


def _moment(value: object, now: datetime) -> datetime:
    """An ISO 8601 time. A clock that is hours ahead must not hide a failure in the future: it is set to now."""
    if not isinstance(value, str):
        raise BadSignal("occurred_at", "is required, as an ISO 8601 time with a zone such as 2026-11-22T05:00:41Z")
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise BadSignal("occurred_at", "is not an ISO 8601 time such as 2026-11-22T05:00:41Z") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise BadSignal("occurred_at", "is outside the years that can be shown") from None
    return min(moment, now + timedelta(minutes=1))


def _tags(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(tag, str) for tag in value):
        raise BadSignal("tags", "must be a list of strings")
    return tuple(clean(tag, 100) for tag in value[:EXTRA_LIMIT])


def _fault(value: object) -> Fault:
    if value is None or value == "":
        return Fault()
    if isinstance(value, str):
        return Fault(message=clean(value, MESSAGE_LIMIT))
    if not isinstance(value, Mapping):
        raise BadSignal("exception", "must be an object with type, message and traceback")
    return Fault(
        type=clean(value.get("type"), 200).replace("\n", " ").strip(),
        message=clean(value.get("message"), MESSAGE_LIMIT).strip(),
        traceback=clean(value.get("traceback"), TRACEBACK_LIMIT),
    )


def _extra(body: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """Unknown fields, kept; what does not fit in a small JSON value is kept as cleaned text."""
    given = body.get("extra")
    extra: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}
    used = {*KNOWN, *_synonyms(body, family), "extra"}
    extra |= {key: value for key, value in body.items() if key not in used}
    return {clean(key, 100): _small(value) for key, value in list(extra.items())[:EXTRA_LIMIT]}


def _small(value: object, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, str):
        return clean(value)
    if depth >= 4:  # deeper than anything we show
        return clean(repr(value), 200)
    if isinstance(value, Mapping):
        return {clean(key, 100): _small(inner, depth + 1) for key, inner in list(value.items())[:EXTRA_LIMIT]}
    if isinstance(value, list | tuple):
        return [_small(inner, depth + 1) for inner in value[:EXTRA_LIMIT]]
    return clean(repr(value), 200)


def as_json(signal: Signal) -> dict[str, Any]:
    """The signal in its wire shape, without what is empty; `parse` reads it back."""
    body: dict[str, Any] = {"v": 1, "kind": signal.kind, "deployment": signal.deployment,
                            "occurred_at": signal.occurred_at.isoformat()}  # fmt: skip
    body |= {name: value for name in (*NAMES, *WORDS) if (value := getattr(signal, name))}
    if signal.family is Family.task:
        body |= {"map_index": signal.map_index, "try_number": signal.try_number}
    elif signal.try_number:
        body["try_number"] = signal.try_number
    if signal.max_tries is not None:
        body["max_tries"] = signal.max_tries
    if signal.logical_date:
        body["logical_date"] = signal.logical_date
    if signal.tags:
        body["tags"] = list(signal.tags)
    if signal.exception:
        body["exception"] = {"type": signal.exception.type, "message": signal.exception.message,
                             "traceback": signal.exception.traceback}  # fmt: skip
    if signal.extra:
        body["extra"] = dict(signal.extra)
    return body
