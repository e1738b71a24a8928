"""Parses a pasted Airflow link.

Airflow 3 names things in the path, Airflow 2 in the query, older pages by logical date; a browser may leave a run id's
plus sign unescaped. The deployment for the host is determined elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from bot.core.errors import Refused

_PORTS = {"http": 80, "https": 443}
_IN_PATH = frozenset({"runs", "tasks", "mapped"})


@dataclass(frozen=True, slots=True)
class Ref:
    """The meaning of a REF. `name` is `dag` or `dag.task` as written; `task` is set only if a link names it
    separately."""

    incident: int | None = None
    deployment: str = ""
    name: str = ""
    task: str = ""
    map_index: int | None = None
    run: str = ""
    host: str = ""  # of a pasted link, with its port
    path: str = ""  # of a pasted link, the part that may belong to the base address of its Airflow


def of_link(word: str) -> Ref | Refused:
    """Parses a link of Airflow 3 (`/dags/D/runs/R/tasks/T/mapped/7`) or 2
    (`/dags/D/grid?dag_run_id=R&task_id=T&map_index=7`)."""
    try:
        parts = urlsplit(word)
    except ValueError:
        return Refused("That link can't be read.", "help")
    path = [unquote(part) for part in parts.path.split("/") if part]
    base = path[: path.index("dags")] if "dags" in path else path[:-1]
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    named = path[path.index("dags") + 1 :] if "dags" in path else []
    dag = named[0] if named else query.get("dag_id", "")
    if not dag or dag == "~":
        return Refused("That link shows no DAG.", "help")
    pairs = _pairs(named[1:])
    if pairs.get("tasks") == "group":
        return Refused("That link shows a task group; point at one of its tasks.", f"tasks {dag}")
    index = pairs.get("mapped") or query.get("map_index") or ""
    run = pairs.get("runs") or query.get("dag_run_id") or query.get("run_id") or query.get("execution_date") or ""
    return Ref(
        name=dag, task=pairs.get("tasks") or query.get("task_id") or "", run=run.replace(" ", "+"),
        map_index=int(index) if index.isdecimal() else None, host=host_of(word), path="/".join(base),
    )  # fmt: skip


def host_of(address: str) -> str:
    """`airflow.example.com:8080`: lower case, without user name and default port. Empty if there is no host."""
    try:
        parts = urlsplit(address)
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return name if port in (None, _PORTS.get(parts.scheme)) else f"{name}:{port}"


def _pairs(path: list[str]) -> dict[str, str]:
    """The names in `runs/R/tasks/T/mapped/7/xcom`; a trailing tab is ignored."""
    return {name: path[at + 1] for at, name in enumerate(path[:-1]) if at % 2 == 0 and name in _IN_PATH}
