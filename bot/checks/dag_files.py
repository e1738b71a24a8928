"""Does every DAG file import? Asked of the table in which Airflow keeps what did not.

Hard case: one file has two names. Airflow's hook gives an absolute path on both majors, the metastore of 2.x too, that
of 3.x a path relative to its bundle. `short_path` makes them one name: what follows the bundle's folder or the last
folder called `dags`. Rule: the plugin has the very same function, or an error would be told under one name and mended under
another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from bot.checks.check import Check, Finding, Row, Sight

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_FAULT = re.compile(r"([A-Za-z_][\w.]*): ?(.*)")


def short_path(path: str) -> str:
    """`/opt/airflow/dags/finance/ledger.py` → `finance/ledger.py`; a path without such a folder stays as it is."""
    name = path.replace("\\", "/")
    name = re.sub(r"^.*/dag_bundles/[^/]+/(?:tracking_repo/|versions/[^/]+/)?", "", name)
    return re.sub(r"^(?:.*/)?dags/", "", name) or path


def read_trace(stacktrace: str, filename: str) -> dict[str, Any]:
    """What a person wants of a stack trace: the line in the file itself, the code on it, the last sentence."""
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


def _judge(check: Check, rows: Sequence[Row], _sight: Sight) -> list[Finding]:
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
