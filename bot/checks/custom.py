"""Checks from the settings: SQL, a threshold and both sentences, like the built-in ones.

The SQL must be one statement: it is wrapped in `select * from (…)` and sent with a bound value, so the database accepts
no second one, in the same read-only transaction with the same time limit. A mistake that can be found at the start
prevents the bot from starting; one that only the answer shows is the check's error, never a finding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from string import Formatter
from typing import Any

from bot.checks.check import ROW_LIMIT, Check, Finding, Row, Snapshot

MEASURES = ("rows", "value")
MOST_ROWS = ROW_LIMIT
NAME = re.compile(r"[a-z][a-z0-9-]{0,60}")
_OWN_FIELDS = frozenset({"rows", "threshold", "lasted"})
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/""", re.DOTALL)


def sql_fault(sql: str) -> str:
    """Returns what is wrong with the SQL, as far as that is visible without running it; empty if it looks valid."""
    bare = _QUOTED.sub(" ", sql).strip().removesuffix(";").strip()
    if not bare:
        return "is empty"
    if ";" in bare:
        return "must be one statement"
    if not re.match(r"\(*\s*(?:select|with|values)\b", bare, re.IGNORECASE):
        return f"must be a select; a check only reads, and this begins with {bare.split()[0][:30]}"
    return ""


def template_fault(text: str) -> str:
    """Returns what is wrong with a sentence's template: its {fields} must be plain names. Empty if it is valid."""
    try:
        odd = next((name for name in _fields(text) if not name.isidentifier()), None)
    except ValueError as error:
        return f"isn't a valid template: {error}"
    return f"may name columns such as {{dag_id}}, not {{{odd}}}" if odd is not None else ""


def _fields(text: str) -> Iterator[str]:
    return (name for _, name, _, _ in Formatter().parse(text) if name is not None)


def custom(
    name: str, sql: str, *, measure: str, threshold: float, sick: str, well: str, severity: str, deployment: str = "",
    every: float = 0.0, holds: float = 0.0, tags: Sequence[str] = (), runbook: str = "",
) -> Check:  # fmt: skip
    """Builds the check. `measure` is `rows` (more rows than the threshold make one finding) or `value` (each row whose
    column `value` is above the threshold is a finding; a column `subject` distinguishes them, without it only the worst
    row counts)."""
    asked = sql.strip().removesuffix(";").replace(":", r"\:")  # its colons are not bind parameters
    question = f"select * from (\n{asked}\n) as asked limit :most"
    wanted = {field for text in (sick, well) for field in _fields(text)} - _OWN_FIELDS
    return Check(
        name=name, title=name, subject="row", sql={2: question, 3: question}, threshold=threshold, unit="",
        severity=severity, key="{subject}", sick=sick, well=well, runbook=runbook, judge=_judge(measure, wanted),
        holds=holds, every=every, deployment=deployment, tags=tuple(tags), foreign=True,
    )  # fmt: skip


def _judge(measure: str, wanted: set[str]) -> Callable[[Check, Sequence[Row], Snapshot], list[Finding]]:
    sick_rows = _by_rows if measure == "rows" else _by_value

    def judge(check: Check, rows: Sequence[Row], _sight: Snapshot) -> list[Finding]:
        return [check.finding(_complete(facts, wanted)) for facts in sick_rows(check, rows)]

    return judge


def _by_rows(check: Check, rows: Sequence[Row]) -> list[dict[str, Any]]:
    if len(rows) <= check.threshold:
        return []
    return [{**_readable(rows[0]), "subject": check.name, "rows": len(rows), "threshold": f"{check.threshold:g}"}]


def _by_value(check: Check, rows: Sequence[Row]) -> list[dict[str, Any]]:
    if rows and "value" not in rows[0]:
        raise ValueError('there is no column called value; name the number so, or say measure = "rows"')
    above = [row for row in rows if row["value"] is not None and float(row["value"]) > check.threshold]
    worst_first = sorted(above, key=lambda row: -float(row["value"]))
    told = worst_first if rows and "subject" in rows[0] else worst_first[:1]
    return [{"subject": check.name, **_readable(row), "rows": len(rows), "threshold": f"{check.threshold:g}"}
            for row in told]  # fmt: skip


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with decimals as plain numbers, and its subject as text of at most 250 characters."""
    facts = {name: _number(value) if isinstance(value, Decimal) else value for name, value in row.items()}
    return facts | ({"subject": str(facts["subject"])[:250]} if facts.get("subject") is not None else {})


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _complete(facts: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    missing = sorted(wanted - facts.keys())
    if missing:
        raise ValueError(f"a sentence names {{{missing[0]}}}, and the answer has only {', '.join(sorted(facts))}")
    return facts
