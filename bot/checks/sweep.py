"""Runs the checks once and derives signals from the results.

A check that can't run is neither failing nor passing: it yields an error and no signal, and its earlier findings stay
open, also across a restart. The signals are a pure function of the findings, the previous findings, and now.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bot.checks.check import ROW_LIMIT, Check, Finding, moment
from bot.checks.metastore.connection import Metastore
from bot.core.errors import Permanent, Temporary
from bot.core.signals.signal import Signal
from bot.core.signals.wire import BadSignal, clean, parse

logger = logging.getLogger(__name__)


class Remember(Protocol):
    """Stores small JSON objects that outlive the process."""

    def get(self, key: str) -> dict[str, Any] | None: ...

    def put(self, key: str, value: dict[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Result:
    """One check's findings, or a sentence that says why it couldn't run. `seconds` is its duration."""

    check: Check
    deployment: str
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    error: str | None = None


class Sweep:
    """Runs checks against one deployment's metastore and reports new, continuing and resolved findings."""

    def __init__(
        self,
        checks: Sequence[Check],
        metastore: Metastore,
        deployment: str,
        report: Callable[[list[Signal]], object],
        remember: Remember,
    ) -> None:
        self._checks = tuple(check for check in checks if check.deployment in ("", deployment))
        self._asked: dict[str, float] = {}
        self.errors: dict[str, str] = {}  # of the checks that failed to run the last time
        self._metastore, self._deployment = metastore, deployment
        self._report, self._remember = report, remember

    def run(self, names: Iterable[str] | None = None) -> list[Result]:
        """Runs the checks called `names` (by default all that are due), one after the other. Raises Permanent for an
        unknown name; a check that fails gives an error in its result and doesn't stop the others."""
        results = []
        for check in self._chosen(names):
            result = self._ask(check)
            results.append(result)
            self._mind(result)
            if result.error is None:
                self._tell_or_ask_again(result)
        return results

    def _mind(self, result: Result) -> None:
        """Records whether the check could run. An error is kept while it lasts, and logged once."""
        name, before = result.check.name, self.errors.get(result.check.name)
        if result.error is None:
            self.errors.pop(name, None)
        else:
            self.errors[name] = result.error
            if before != result.error:
                logger.warning("the check %s of %s could not be asked: %s", name, self._deployment, result.error)

    def _tell_or_ask_again(self, result: Result) -> None:
        try:
            self._tell(result)
        except (Temporary, Permanent):
            self._asked.pop(result.check.name, None)  # its findings were not reported, so the next sweep runs it again
            raise

    def _chosen(self, names: Iterable[str] | None) -> tuple[Check, ...]:
        if names is None:
            return tuple(check for check in self._checks if self._is_due(check))
        known = {check.name: check for check in self._checks}
        wanted = list(names)
        if unknown := [name for name in wanted if name not in known]:
            raise Permanent(f"There is no check called {unknown[0]}; there are {', '.join(known)}.", "no-check")
        return tuple(known[name] for name in wanted)

    def _is_due(self, check: Check) -> bool:
        """Whether to run the check now. A nearly due check counts as due, because sweeps start slightly early or
        late."""
        asked = self._asked.get(check.name)
        return asked is None or time.monotonic() - asked >= 0.9 * check.every

    def _ask(self, check: Check) -> Result:
        start = self._asked[check.name] = time.monotonic()
        try:
            found = self._findings(check)
        except (Temporary, Permanent) as error:
            return Result(check, self._deployment, (), time.monotonic() - start, error.message)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            said = f"The answer could not be read: {type(error).__name__}: {error}"
            return Result(check, self._deployment, (), time.monotonic() - start, said)
        return Result(check, self._deployment, tuple(found), time.monotonic() - start)

    def _findings(self, check: Check) -> list[Finding]:
        snapshot = self._metastore.snapshot()
        sql = check.sql.get(snapshot.major)
        if self._metastore.is_sqlite:
            sql = check.sqlite.get(snapshot.major, sql)
        if sql is None:
            return []  # not available on this major version
        values = {"since": check.since(snapshot.now), "most": ROW_LIMIT, **_windows(snapshot.now)}
        used = {name: value for name, value in values.items() if f":{name}" in sql}
        ask = self._metastore.rows_in_pieces if check.foreign else self._metastore.rows
        return check.findings(ask(sql, **used), snapshot)

    def _tell(self, result: Result) -> None:
        key = f"sweep/{self._deployment}/{result.check.name}"
        before = self._remember.get(key) or {}
        now = datetime.now(UTC)
        told = signals(result, before, now)
        if told:
            self._report(told)
        # Stored after the report: a crash in between repeats the report, which is harmless; the other order would lose
        # it.
        if (after := sick_now(result, before, now)) != before:
            self._remember.put(key, after)


def _windows(now: datetime) -> dict[str, datetime]:
    return {"hour": now - timedelta(hours=1), "week": now - timedelta(days=7)}


def signals(result: Result, before: Mapping[str, Any], now: datetime) -> list[Signal]:
    """The signals of one result: sick for each finding, well for each subject of `before` that is sick no more.

    `before` is the previous value of `sick_now`. A result with an error yields no signals. A finding that hasn't lasted
    `holds` seconds was never reported, so no recovery is reported for it either.
    """
    if result.error is not None:
        return []
    found = {finding.subject: finding for finding in result.findings}
    well = [(subject, told) for subject, told in before.items() if subject not in found and told.get("told", True)]
    after = sick_now(result, before, now)
    sick = {subject: finding for subject, finding in found.items() if after[subject]["told"]}
    return [_sick(result, finding, now) for finding in sick.values()] + [
        _well(result, subject, told, now) for subject, told in well
    ]


def sick_now(result: Result, before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The state to remember: by subject, since when, whether it has lasted long enough to be reported, and the facts
    for the recovery sentence."""
    return {
        finding.subject: {
            "since": before.get(finding.subject, {}).get("since", now.isoformat()),
            "told": _has_lasted(result.check, before.get(finding.subject, {}), now),
            "facts": {name: value for name, value in finding.facts.items() if name not in _TOO_MUCH},
        }
        for finding in result.findings
    }


def _has_lasted(check: Check, before: Mapping[str, Any], now: datetime) -> bool:
    since = moment(before.get("since")) or now
    return bool(before.get("told")) or (now - since).total_seconds() >= check.holds


_TOO_MUCH = frozenset({"stacktrace", "components", "evidence"})
_OF_TASK = ("dag_id", "run_id", "task_id", "hostname", "operator", "pool", "queue")
_NUMBERS = ("map_index", "try_number", "max_tries")


def _common(result: Result, kind: str, subject: str, facts: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    body: dict[str, Any] = {
        "v": 1,
        "kind": kind,
        "deployment": result.deployment,
        "occurred_at": now.isoformat(),
        "source": "sweep",
        "runbook": result.check.runbook,
        "check": result.check.name,
    }
    if result.check.tags:
        body["tags"] = list(result.check.tags)
    body |= {name: facts[name] for name in (*_OF_TASK, *_NUMBERS) if facts.get(name) not in (None, "")}
    if kind.startswith("import_"):
        body |= {"file": subject, "path": facts.get("path"), "bundle": facts.get("bundle")}
    else:
        body |= {"name": subject}
    return {name: value for name, value in body.items() if value is not None}


def _signal(body: dict[str, Any], now: datetime) -> Signal:
    """The signal as the bot takes it: a name of Airflow's that is odd is left out, and the subject is cleaned, so that one
    odd row blocks neither its finding nor the others."""
    for _ in range(len(_OF_TASK) + len(_NUMBERS) + 2):
        try:
            return parse(body, now)
        except BadSignal as error:
            odd = body.pop(error.field, None)
            if error.field in ("name", "file"):
                body[error.field] = " ".join(clean(odd, 400).split())[:450] or "(without a name)"
    return parse(body, now)


def _sick(result: Result, finding: Finding, now: datetime) -> Signal:
    facts = finding.facts
    kind = "import_error" if result.check.name == "import-errors" else "check_failed"
    body = _common(result, kind, finding.subject, facts, now)
    body |= {"sentence": finding.sentence, "severity": finding.severity}
    body["facts"] = {name: value for name, value in facts.items() if name != "stacktrace"}
    if kind == "import_error":
        names = {"type": "type", "message": "message", "traceback": "stacktrace"}
        body["exception"] = {name: facts.get(fact) or "" for name, fact in names.items()}
    return _signal(body, now)


def _well(result: Result, subject: str, told: Mapping[str, Any], now: datetime) -> Signal:
    facts = told.get("facts", {})
    kind = "import_fixed" if result.check.name == "import-errors" else "check_ok"
    since = moment(told.get("since")) or now
    lasted = max(0.0, (now - since).total_seconds())
    body = _common(result, kind, subject, facts, now)
    body |= {"sentence": result.check.well_again(facts, lasted), "lasted": round(lasted)}
    return _signal(body, now)
