"""Converts signals to JSON and back; `parse` reads what `as_json` writes as the same signal.

Free text (messages, tracebacks, notes) is cleaned or cut, so that no failure is lost over a NUL byte. An identifier
with such text is refused, because cutting it would name something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from bot.core.redaction import MASK, is_secret_name, redact
from bot.core.signals.signal import KINDS, Family, Fault, Signal

MESSAGE_LIMIT = 8_192
TRACEBACK_LIMIT = 16_384
IDENTIFIER_LIMIT = 500  # Airflow's own columns hold 250; a file path may be longer
TEXT_LIMIT = 2_000
EXTRA_LIMIT = 50
# The fields that must be there for each family, besides kind, deployment and occurred_at.
REQUIRED: dict[Family, tuple[str, ...]] = {
    Family.task: ("dag_id", "run_id", "task_id"),
    Family.run: ("dag_id", "run_id"),
    Family.late: ("dag_id",),
    Family.file: ("file",),
    Family.check: ("check",),
    Family.external: ("name",),
}
NAMES = ("dag_id", "run_id", "task_id", "file", "check", "name")  # identifiers: refused if invalid, never cut
WORDS = ("state", "source", "owner", "operator", "hostname", "pool", "queue", "log_url", "sentence", "severity",
         "runbook")  # fmt: skip
KNOWN = frozenset({"v", "kind", "deployment", "occurred_at", "map_index", "try_number", "max_tries", "exception",
                   "tags", "logical_date", *NAMES, *WORDS})  # fmt: skip
# Other programs' names for the same fields, accepted so that no report is lost over a synonym.
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


Clean = Callable[..., str]


class BadSignal(ValueError):
    """A signal that cannot be accepted. `field` is the field at fault, the message gives the remedy."""

    def __init__(self, field_name: str, remedy: str) -> None:
        super().__init__(f"{field_name}: {remedy}")
        self.field = field_name


def clean(text: object, limit: int = TEXT_LIMIT) -> str:
    """Foreign text made safe to store: no secrets, no control characters or lone surrogates, and at most `limit`
    characters. The middle is cut, because a traceback's first and last lines matter. Secrets are removed first, because
    half a secret would not be recognised."""
    if not text and (text is None or isinstance(text, str)):
        return ""
    plain = redact(text if isinstance(text, str) else str(text))
    if len(plain) <= limit and plain.isprintable():  # printable text holds nothing that is replaced below
        return plain
    if len(plain) > limit * 4:  # bound the work before the regular expressions see megabytes
        plain = plain[: limit * 2] + plain[-limit * 2 :]
    plain = _SURROGATES.sub("\ufffd", plain.replace("\r\n", "\n").replace("\r", "\n"))
    plain = _BIDI.sub("", _CONTROL.sub("\ufffd", plain))
    if len(plain) <= limit:
        return plain
    head = limit // 3
    return f"{plain[:head]}\n… {len(plain) - limit:,} characters cut …\n{plain[-(limit - head - 40) :]}"


def parse(body: Mapping[str, Any], now: datetime) -> Signal:
    """A signal from its JSON object, without secrets. Raises `BadSignal`, which names the field and the remedy."""
    return _parsed(body, now, clean)


def parse_stored(body: Mapping[str, Any], now: datetime) -> Signal:
    """A signal that `as_json` wrote; it was cleaned before it was stored."""
    return _parsed(body, now, _as_it_is)


def _as_it_is(text: object, limit: int = TEXT_LIMIT) -> str:  # noqa: ARG001 - the limit was kept when it was stored
    return text if isinstance(text, str) else "" if text is None else str(text)


def _parsed(body: Mapping[str, Any], now: datetime, clean: Clean) -> Signal:
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
        tags=_tags(values.get("tags"), clean),
        exception=_fault(values.get("exception"), clean),
        logical_date=clean(values.get("logical_date"), 64),
        extra=_extra(body, family) if clean is not _as_it_is else dict(body.get("extra") or {}),
        **names,
        **{word: clean(values.get(word)) for word in WORDS},
    )


def _synonyms(body: Mapping[str, Any], family: Family) -> dict[str, str]:
    """Synonyms in the body → our field names, for names that this kind has and that are not given in our own words."""
    if SYNONYMS.keys().isdisjoint(body):
        return {}
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
    """Parses an ISO 8601 time. A clock that is hours ahead must not hide a failure in the future, so a later time is
    cut to a minute from now."""
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


def _tags(value: object, clean: Clean) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(tag, str) for tag in value):
        raise BadSignal("tags", "must be a list of strings")
    return tuple(clean(tag, 100) for tag in value[:EXTRA_LIMIT])


def _fault(value: object, clean: Clean) -> Fault:
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
    """The unknown fields, which are kept; a value that isn't small JSON is kept as cleaned text."""
    given = body.get("extra")
    extra: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}
    used = {*KNOWN, *_synonyms(body, family), "extra"}
    extra |= {key: value for key, value in body.items() if key not in used}
    return {clean(key, 100): _hidden(key, value) for key, value in list(extra.items())[:EXTRA_LIMIT]}


def _hidden(key: object, value: object, depth: int = 0) -> Any:
    """A field's value, masked if the field's name says that it is a secret."""
    return MASK if isinstance(value, str) and value and is_secret_name(str(key)) else _small(value, depth)


def _small(value: object, depth: int = 0) -> Any:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, str):
        return clean(value)
    if depth >= 4:  # deeper than anything we show
        return clean(repr(value), 200)
    if isinstance(value, Mapping):
        return {clean(key, 100): _hidden(key, inner, depth + 1) for key, inner in list(value.items())[:EXTRA_LIMIT]}
    if isinstance(value, list | tuple):
        return [_small(inner, depth + 1) for inner in value[:EXTRA_LIMIT]]
    return clean(repr(value), 200)


def as_json(signal: Signal) -> dict[str, Any]:
    """The signal in its wire form, without empty fields; `parse` reads it back."""
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
