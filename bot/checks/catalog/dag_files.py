"""Does every DAG file import, and is each file parsed often enough? Reads Airflow's own tables for both.

A file has two names: Airflow's hook gives an absolute path on both majors, as does the 2.x metastore; 3.x has a path
relative to its bundle. `short_path` maps both to one name: the part after the bundle's folder, or after the last folder
called `dags`. The plugin has the same function; otherwise an error would be reported under one name and resolved under
another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from bot.checks.check import Check, Finding, Row, Snapshot, age
from bot.core.dates import span

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_FAULT = re.compile(r"([A-Za-z_][\w.]*): ?(.*)")


def short_path(path: str) -> str:
    """`/opt/airflow/dags/finance/ledger.py` → `finance/ledger.py`; a path without such a folder is returned
    unchanged."""
    name = path.replace("\\", "/")
    name = re.sub(r"^.*/dag_bundles/[^/]+/(?:tracking_repo/|versions/[^/]+/)?", "", name)
    return re.sub(r"^(?:.*/)?dags/", "", name) or path


def read_trace(stacktrace: str, filename: str) -> dict[str, Any]:
    """Extracts from a stack trace the line number in `filename`, the code on that line, and the last line split into
    exception type and message."""
    lines = [line.strip() for line in stacktrace.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    fault = _FAULT.fullmatch(last)
    line, code = None, ""
    for position, text in enumerate(lines):
        frame = _FRAME.search(text)
        if frame and (frame.group(1) == filename or frame.group(1).endswith("/" + filename.lstrip("/"))):
            line = int(frame.group(2))
            code = lines[position + 1] if position + 1 < len(lines) else ""
    return {
        "line": line,
        "code": "" if code.startswith(("File ", "^", "~")) or code == last else code[:500],
        "said": last[:500],
        "type": fault.group(1) if fault else "",
        "message": fault.group(2) if fault else last,
    }


def _judge(check: Check, rows: Sequence[Row], _sight: Snapshot) -> list[Finding]:
    found = []
    for row in rows:
        trace = read_trace(row["stacktrace"] or "", row["filename"])
        where = f" (line {trace['line']})" if trace["line"] else ""
        facts = {"file": short_path(row["filename"]), "path": row["filename"], "bundle": row["bundle_name"],
                 "where": where, "stacktrace": row["stacktrace"], **trace}  # fmt: skip
        found.append(check.finding(facts))
    return found


IMPORT_ERRORS = Check(
    name="import-errors",
    title="Every DAG file imports",
    subject="DAG file",
    sql={
        2: "select filename, null as bundle_name, stacktrace from import_error order by id limit :most",
        3: "select filename, bundle_name, stacktrace from import_error order by id limit :most",
    },
    threshold=0,
    unit="files",
    severity="error",
    key="{file}",
    sick="{file} does not import{where}: {said}",
    well="{file} imports again after {lasted}.",
    runbook="dag-import-error",
    judge=_judge,
)

_PARSED = "select dag_id, last_parsed_time from dag where {} and last_parsed_time < :since order by 2 limit :most"


def _judge_parsed(check: Check, rows: Sequence[Row], snapshot: Snapshot) -> list[Finding]:
    """Returns one finding for all DAGs, because one process parses all files."""
    if not rows:
        return []
    oldest = age(rows[0]["last_parsed_time"], snapshot.now) or 0.0
    dags = f"{len(rows)} DAGs were" if len(rows) > 1 else "1 DAG was"
    facts = {
        "dags": dags,
        "oldest": span(oldest, fine=True),
        "dag": rows[0]["dag_id"],
        "limit": span(check.threshold),
    }
    return [check.finding({**facts, "seconds": round(oldest), "name": "DAG files"})]


SLOW_DAG_PARSE = Check(
    name="slow-dag-parse",
    title="DAG files are read often",
    subject="DAG processor",
    sql={
        2: _PARSED.format("is_active and not is_paused"),
        3: _PARSED.format("not is_stale and not is_paused"),
    },
    threshold=600,
    unit="s",
    severity="warning",
    key="{name}",
    sick="DAG files are read too seldom: {dags} not read for {limit}, {dag} for {oldest}. Changes wait as long.",
    well="DAG files are read often again after {lasted}.",
    runbook="slow-dag-parse",
    judge=_judge_parsed,
    holds=120,
)
