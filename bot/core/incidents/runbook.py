"""Runbooks: what each one matches, and which of several wins.

The most specific match wins: a check, exception or DAG weighs more than a tag or a kind. A runbook adds words, offers
actions, and may set `severity` and `escalate_after`; a route that says otherwise wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from bot.core.dates import duration
from bot.core.signals.signal import KINDS, Signal

FIELDS = ("kinds", "check", "dag", "tags", "exception")
LINE = 600  # characters of a line that are looked at
SEVERITIES = ("warning", "error", "critical")
_WEIGHT = {"check": 16, "dag": 8, "exception": 8, "tags": 4, "kinds": 1}


@dataclass(frozen=True, slots=True)
class Runbook:
    """One runbook. `match` maps a field to patterns, of which one must fit; `phrase` is the cause in a few words."""

    name: str
    title: str
    body: str
    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    severity: str = ""
    phrase: str = ""
    actions: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    escalate_after: timedelta | None = None

    def fits(self, signal: Signal) -> int:
        """How specifically the runbook fits; 0 when it does not."""
        score = 0
        for name in FIELDS:  # the cheapest first: a storm asks this for each of its failures
            if (patterns := self.match.get(name)) is None:
                continue
            if not _fits(name, patterns, signal):
                return 0
            score += _WEIGHT[name]
        return score


def _fits(name: str, patterns: Sequence[str], signal: Signal) -> bool:
    match name:
        case "kinds":
            return signal.kind in patterns
        case "exception":
            text = f"{signal.exception.type}: {signal.exception.message}"[:4_000]
            return bool(signal.exception) and _is_found(tuple(patterns), _bounded(text))
        case "check":
            return signal.check in patterns or (signal.kind in {"import_error"} and "import-errors" in patterns)
        case "dag":
            return bool(signal.dag_id) and any(fnmatchcase(signal.dag_id, pattern) for pattern in patterns)
        case _:
            return any(fnmatchcase(tag, pattern) for tag in signal.tags for pattern in patterns)


def _bounded(text: str) -> str:
    """Each line's start and end. A pattern such as `.*a.*b` takes time cubic in a line's length and blocks all else."""
    lines = text.split("\n")
    return "\n".join(line if len(line) <= LINE else f"{line[: LINE // 2]}…{line[-LINE // 2 :]}" for line in lines)


@lru_cache(maxsize=2_048)  # a storm repeats the same text
def _is_found(patterns: tuple[str, ...], text: str) -> bool:
    return any(re.search(pattern, text) for pattern in patterns)


def best(runbooks: Iterable[Runbook], signal: Signal) -> Runbook | None:
    """The runbook that fits most specifically; of equals, the first by name."""
    fitting = [(book.fits(signal), book) for book in runbooks]
    fitting = [(score, book) for score, book in fitting if score]
    return min(fitting, key=lambda pair: (-pair[0], pair[1].name))[1] if fitting else None


def guiding(runbooks: Sequence[Runbook], signal: Signal) -> Runbook | None:
    """The runbook whose severity and page time apply: the one that the signal names if it fits, else the best fit."""
    named = next((book for book in runbooks if book.name == signal.runbook), None)
    return named if named is not None and named.fits(signal) else best(runbooks, signal)


def faults(front: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong in a front matter, as (field, sentence) pairs; empty if nothing is."""
    wrong: list[tuple[str, str]] = []
    if not isinstance(front.get("title"), str):
        wrong.append(("title", "is missing; say the trouble in a few words"))
    match = front.get("match")
    if not isinstance(match, Mapping) or not match:
        wrong.append(("match", f"is missing; name at least one of {', '.join(FIELDS)}"))
        return wrong
    for key, patterns in match.items():
        if key not in FIELDS:
            wrong.append((f"match.{key}", f"isn't a field; there are {', '.join(FIELDS)}"))
            continue
        wrong += [(f"match.{key}", said) for said in _pattern_faults(key, patterns)]
    return wrong + _decision_faults(front)


def _decision_faults(front: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Severity and page time must be readable: an ignored word would page no one."""
    wrong: list[tuple[str, str]] = []
    if front.get("severity") not in (None, "", *SEVERITIES):
        wrong.append(("severity", f"must be one of {', '.join(SEVERITIES)}"))
    after = front.get("escalate_after")
    if after and duration(str(after)) is None:
        wrong.append(("escalate_after", "must be a duration such as 15m or 1h"))
    return wrong


def _pattern_faults(key: str, patterns: object) -> list[str]:
    listed = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        return ["must be a list of strings"]
    if key == "kinds":
        return [f"{one} isn't a kind; there are {', '.join(sorted(KINDS))}" for one in listed if one not in KINDS]
    return [said for one in listed if key == "exception" and (said := _regex_fault(one))]


def _regex_fault(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        return f"{pattern!r} isn't a valid regular expression: {error}"
    return ""
