"""Airflow's JSON as the core's frozen values: pure functions, shared by 2.x and 3.x where they agree.

Older and newer servers omit keys, add some, or send null, so a missing, null or odd key becomes the empty value of its
field and never raises. Times become aware UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.airflow.protocol import (
    Backfill,
    BackfillDate,
    Component,
    Connection,
    Dag,
    Health,
    ImportFault,
    Job,
    Param,
    Pool,
    Run,
    TaskInstance,
    TaskNode,
    TaskRef,
    Variable,
)
from bot.core.redaction import redact

BEATING = {"SchedulerJob": "scheduler", "TriggererJob": "triggerer", "DagProcessorJob": "dag_processor"}
LONG_DEAD = timedelta(days=1)  # a killed component leaves its row in the state "running" forever
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
Json = Mapping[str, Any]


def rows(answer: Any, key: str) -> list[Json]:
    """The objects under `key`; empty if there are none or the value has another shape."""
    found = answer.get(key) if isinstance(answer, Mapping) else None
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def task_instance(row: Any) -> TaskInstance:
    row = _mapping(row)
    ref = TaskRef(
        _text(row, "dag_id"),
        _text(row, "dag_run_id") or _text(row, "run_id"),
        _text(row, "task_id"),
        _whole(row, "map_index", -1),
    )
    return TaskInstance(
        ref=ref,
        state=_text(row, "state") or "none",
        try_number=_whole(row, "try_number"),
        max_tries=_whole(row, "max_tries"),
        start_date=moment(row.get("start_date")),
        end_date=moment(row.get("end_date")),
        duration=_number(row, "duration"),
        hostname=_text(row, "hostname"),
        operator=_text(row, "operator"),
        pool=_text(row, "pool"),
        queue=_text(row, "queue"),
        note=_text(row, "note"),
        raw=row,
    )


def run(row: Any) -> Run:
    row = _mapping(row)
    return Run(
        dag_id=_text(row, "dag_id"),
        run_id=_text(row, "dag_run_id") or _text(row, "run_id"),
        state=_text(row, "state") or "none",
        run_type=_text(row, "run_type"),
        logical_date=moment(row.get("logical_date") or row.get("execution_date")),
        run_after=moment(row.get("run_after")),
        start_date=moment(row.get("start_date")),
        end_date=moment(row.get("end_date")),
        conf=_mapping(row.get("conf")),
        note=_text(row, "note"),
    )


def dag(row: Any) -> Dag:
    """A DAG of either major; `params` and `max_active_runs` are set if the row is from the details endpoint."""
    row = _mapping(row)
    return Dag(
        dag_id=_text(row, "dag_id"),
        is_paused=bool(row.get("is_paused")),
        owners=tuple(str(owner) for owner in listed(row.get("owners"))),
        tags=tuple(_text(tag, "name") for tag in rows(row, "tags")),
        timetable=_timetable(row),
        next_run=moment(row.get("next_dagrun_run_after") or row.get("next_dagrun_create_after")),
        has_import_errors=bool(row.get("has_import_errors")),
        is_active=not row["is_stale"] if "is_stale" in row else bool(row.get("is_active", True)),
        params=_params(row.get("params")),
        max_active_runs=_whole(row, "max_active_runs") or None,
    )


def health(answer: Any, seconds: float) -> Health:
    parts = [(name, _mapping(_mapping(answer).get(name))) for name in COMPONENTS]
    return Health(tuple(_component(name, part) for name, part in parts), seconds)


def task_node(row: Any) -> TaskNode:
    """A task. Neither API reports groups; a task's id starts with its group's, unless the DAG's author disabled
    that."""
    row = _mapping(row)
    task_id = _text(row, "task_id")
    return TaskNode(
        task_id=task_id,
        downstream=tuple(sorted(str(one) for one in listed(row.get("downstream_task_ids")))),
        operator=_text(row, "operator_name") or _text(_mapping(row.get("class_ref")), "class_name"),
        is_mapped=bool(row.get("is_mapped")),
        group=task_id.rpartition(".")[0],
    )


def job(row: Any, *, is_alive: bool) -> Job:
    row = _mapping(row)
    kind = _text(row, "job_type")
    return Job(
        kind=BEATING.get(kind, kind),
        hostname=_text(row, "hostname"),
        state=_text(row, "state") or "none",
        latest_heartbeat=moment(row.get("latest_heartbeat")),
        is_alive=is_alive,
    )


def job_of(part: Component) -> Job | None:
    """A running component from the health report, as a job; None if it isn't one of the job components."""
    if part.healthy is None or part.name not in BEATING.values():
        return None
    return Job(part.name, "", "running" if part.healthy else "unhealthy", part.heartbeat, part.healthy)


def recent(jobs: Collection[Job], now: datetime) -> list[Job]:
    """The jobs with a heartbeat within the last day, and the newest job of each kind whatever its age; by kind, then
    newest first."""
    found: list[Job] = []
    for kind in BEATING.values():
        mine = sorted((one for one in jobs if one.kind == kind), key=lambda one: _beat(one, now), reverse=True)
        found += [one for place, one in enumerate(mine) if not place or _beat(one, now) > now - LONG_DEAD]
    return found


def _beat(one: Job, now: datetime) -> datetime:
    return one.latest_heartbeat or now - LONG_DEAD


def variable(row: Any) -> Variable:
    row = _mapping(row)
    return Variable(
        _text(row, "key"), _text(row, "value"), _text(row, "description"), is_encrypted=bool(row.get("is_encrypted"))
    )


def connection(row: Any) -> Connection:
    """A connection without password and extra."""
    row = _mapping(row)
    words = {field: _text(row, field) for field in ("conn_type", "host", "login", "schema", "description")}
    return Connection(id=_text(row, "connection_id"), port=_whole(row, "port") or None, **words)


def backfill(row: Any) -> Backfill:
    row = _mapping(row)
    return Backfill(
        id=_whole(row, "id"),
        dag_id=_text(row, "dag_id"),
        start=moment(row.get("from_date")),
        end=moment(row.get("to_date")),
        created_at=moment(row.get("created_at")),
        completed_at=moment(row.get("completed_at")),
        is_paused=bool(row.get("is_paused")),
        raw=row,
    )


def backfill_moment(row: Any) -> datetime | None:
    """One date of a dry run; from 3.2 on, a partitioned DAG has its partition's date instead."""
    row = _mapping(row)
    return moment(row.get("logical_date")) or moment(row.get("partition_date"))


def backfill_date(row: Any) -> BackfillDate | None:
    """A run as a date of a backfill; None if it has no logical date."""
    found = run(row)
    return None if found.logical_date is None else BackfillDate(found.logical_date, found.run_id, found.state)


def import_fault(row: Any) -> ImportFault:
    row = _mapping(row)
    trace = _text(row, "stack_trace") or _text(row, "stacktrace")
    return ImportFault(_text(row, "filename"), redact(trace), moment(row.get("timestamp")), _text(row, "bundle_name"))


def pool(row: Any) -> Pool:
    row = _mapping(row)
    figures = ("running", "queued", "scheduled", "deferred", "open")
    return Pool(_text(row, "name"), _whole(row, "slots"), *(_whole(row, f"{figure}_slots") for figure in figures))


def listed(value: Any) -> list[Any]:
    """The value if it is a list; otherwise an empty list."""
    return value if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """An ISO 8601 text as aware UTC; None if it isn't one. A text without offset is UTC."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _component(name: str, part: Json) -> Component:
    status = part.get("status")
    return Component(
        name, None if status is None else status == "healthy", moment(part.get(f"latest_{name}_heartbeat"))
    )


def _timetable(row: Json) -> str | None:
    """The schedule as text: 3.x has one field for it; 2.x a tagged value, or null and a description that may say
    "Never, …"."""
    if "timetable_summary" in row:
        return _text(row, "timetable_summary") or None
    interval = row.get("schedule_interval")
    if isinstance(interval, Mapping):
        return _text(interval, "value") or _text(interval, "__type") or None
    said = _text(row, "timetable_description")
    return str(interval) if interval else (None if said.startswith("Never") else said or None)


def _params(found: Any) -> dict[str, Param]:
    """Each param with the schema that a conf is validated against."""
    return {str(name): _param(str(name), param) for name, param in _mapping(found).items()}


def _param(name: str, param: Any) -> Param:
    """One param. Older servers send the bare value if the DAG defines only a default."""
    if not isinstance(param, Mapping):
        return Param(name, param)
    return Param(name, param.get("value"), _mapping(param.get("schema")), _text(param, "description"))


def _mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}


def _text(row: Json, key: str) -> str:
    value = row.get(key)
    return "" if value is None else str(value)


def _whole(row: Json, key: str, otherwise: int = 0) -> int:
    number = _number(row, key)
    return otherwise if number is None else int(number)


def _number(row: Json, key: str) -> float | None:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < 1e15 else None  # also excludes NaN and infinity
