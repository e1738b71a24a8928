"""Reads failures from the metastore: `log` by time, then runs that are running or ended recently, and their tasks.

A try that was killed and retried is only in the history table. On 2.x, a try that a starting scheduler reset is in no
table; only the number of tries grew. A task that was marked failed by hand keeps its old end date. `task_instance`,
`task_instance_history` and `log` are read by index, never scanned; `dag_run`, a tenth of their size, is scanned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from bot.checks.check import Row, moment
from bot.checks.metastore.connection import Metastore
from bot.checks.reconcile.reconcile import OVERLAP, Failure, Found, clock_time, failure, last_sign, line
from bot.core.json_text import read_json

LOG_LIMIT = 20_000  # events per look; if there are more, the next look continues after the last one
CHUNK = 100  # runs per query; few enough that the database uses the index
_BY_HAND = ("patch_task_instance", "patch_mapped_task_instance", "post_set_task_instances_state")
KILLED = {"heartbeat timeout", "state mismatch", "stuck in queued tries exceeded"}
EVENTS = {  # a line of evidence has at most 72 characters
    "heartbeat timeout": "no heartbeat, set to {state}",
    "state mismatch": "ended without a word, set to {state}",
    "stuck in queued tries exceeded": "stuck in the queue, set to {state}",
    "failed": "set to {state}",
    "up_for_retry": "set to {state}",
}
_ALL_EVENTS = [*EVENTS, *(f"{prefix}{name}" for prefix in ("", "api.", "ui.") for name in _BY_HAND)]

_LOG = """
select dttm, event, dag_id, run_id, task_id, map_index, try_number, owner, extra from log
where dttm >= :since and event in :events and task_id is not null and run_id is not null order by dttm limit :most"""
_RUNS = """
select dag_id, run_id, state, run_type, {date} as logical_date, start_date, end_date from dag_run
where state = 'running'
union all
select dag_id, run_id, state, run_type, {date} as logical_date, start_date, end_date from dag_run
where state in ('failed', 'success') and end_date >= :since"""
_COLUMNS = """ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number, ti.max_tries, ti.state, ti.start_date,
ti.end_date, ti.duration, ti.hostname, ti.pid, ti.operator, ti.pool, ti.queue, {beat} as heartbeat"""
_TASKS = """
select {columns} from task_instance ti {join}
where (ti.dag_id, ti.run_id) in :runs and ti.state in ('failed', 'up_for_retry')
and (ti.end_date >= :since or ti.end_date is null)"""
_NAMED = """
select {columns} from task_instance ti {join}
where (ti.dag_id, ti.task_id, ti.run_id) in :tasks and ti.state in ('failed', 'up_for_retry')"""
_HISTORY = """
select {columns} from task_instance_history ti {join}
where (ti.dag_id, ti.run_id) in :runs and ti.state = 'failed' and ti.end_date >= :since and ti.try_number > 0"""
_RESET = """
select {columns} from task_instance ti {join}
where ti.state = 'running' and ti.try_number > 1 and ti.start_date >= :since and not exists (
select 1 from task_instance_history h where h.dag_id = ti.dag_id and h.task_id = ti.task_id and h.run_id = ti.run_id
and h.map_index = ti.map_index and h.try_number = ti.try_number - 1)"""
_OWNERS = "select dag_id, owners from dag where dag_id in :dags"
_TAGS = "select dag_id, name from dag_tag where dag_id in :dags order by 1, 2"

Key = tuple[str, str, str]  # dag, task, run


@dataclass
class _Events:
    """Log events by task; `upto` is the time up to which the log was read."""

    upto: datetime
    by_task: dict[Key, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def of(self, row: Row) -> list[Row]:
        """The events of this try, oldest first."""
        index = row["map_index"]
        return [
            event for event in self.by_task.get(_key(row), ())
            if event["event"] in EVENTS and event["try_number"] == row["try_number"]
            and (index if event["map_index"] is None else event["map_index"]) == index
        ]  # fmt: skip

    def by_hand(self, row: Row) -> Row | None:
        """The latest event in which a person set this task to failed; None if there is no such event."""
        marks = [
            event for event in self.by_task.get(_key(row), ())
            if event["event"] not in EVENTS and _asked(event).get("new_state") == "failed"
            and str(_asked(event).get("map_index", row["map_index"])) == str(row["map_index"])
        ]  # fmt: skip
        return marks[-1] if marks else None


class MetastoreSource:
    """The failures of one deployment, read from its metastore. Every query is one of the constants above."""

    def __init__(self, metastore: Metastore, deployment: str) -> None:
        self._metastore, self._deployment = metastore, deployment

    def now(self) -> datetime:
        return self._metastore.snapshot().now

    def look(self, since: datetime) -> Found:
        snapshot = self._metastore.snapshot()
        events = self._events(since, snapshot.now)
        runs = self._metastore.rows(_RUNS.format(date=self._date), since=since)
        places = list({(row["dag_id"], row["run_id"]) for row in runs} | {(d, r) for d, _, r in events.by_task})
        tries = [self._try(row, events, since) for row in self._tasks(places, list(events.by_task), since)]
        tries += [self._past_try(row, events) for row in self._past(places, since)]
        if self._metastore.major == 2:
            tries += [self._reset(row) for row in self._ask(_RESET, since=since)]
        failed = [self._run(row) for row in runs if row["state"] == "failed"]
        found: dict[str, Failure] = {}
        for one in (*tries, *failed):  # a try still in task_instance has more detail than its copy in the history
            if one is not None:
                found.setdefault(one.signal.identity, one)
        return Found(snapshot.now, min(snapshot.now, events.upto), list(found.values()))

    def about(self, dag_ids: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        known: dict[str, dict[str, Any]] = {}
        for dags in _chunks(sorted(dag_ids)):
            for row in self._metastore.rows(_OWNERS, dags=dags):
                known[row["dag_id"]] = {"owner": row["owners"] or "", "tags": []}
            for row in self._metastore.rows(_TAGS, dags=dags):
                known.setdefault(row["dag_id"], {"tags": []})["tags"].append(row["name"])
        return known

    @property
    def _date(self) -> str:
        return "logical_date" if self._metastore.major == 3 else "execution_date"

    def _ask(self, sql: str, *, past: bool = False, **values: Any) -> list[Row]:
        """Runs a query about tasks with its heartbeat column: 2.x keeps it in the job that supervises the task; 3.x
        doesn't keep it for a past try."""
        if self._metastore.major == 2:
            beat, join = "j.latest_heartbeat", "left join job j on j.id = ti.job_id"
        else:
            beat, join = ("null" if past else "ti.last_heartbeat_at"), ""
        return self._metastore.rows(sql.format(columns=_COLUMNS.format(beat=beat), join=join), **values)

    def _events(self, since: datetime, now: datetime) -> _Events:
        rows, last = self._log(since, now)
        events = _Events(last or now)
        for row in rows:
            events.by_task[_key(row)].append(row)
        return events

    def _log(self, since: datetime, now: datetime) -> tuple[list[Row], datetime | None]:
        """Returns the events and the time up to which the log was read. If one read of `LOG_LIMIT` events doesn't get
        past the overlap, the limit is doubled, because the next look would otherwise read the same events forever."""
        most = LOG_LIMIT
        while True:
            rows = self._metastore.rows(_LOG, since=since, events=_ALL_EVENTS, most=most)
            if len(rows) < most:
                return rows, now
            last = moment(rows[-1]["dttm"])
            if last is not None and last > since + 2 * OVERLAP:
                return rows, last
            most *= 2

    def _tasks(self, places: Sequence[tuple[str, str]], named: Sequence[Key], since: datetime) -> Iterator[Row]:
        for runs in _chunks(places):
            yield from self._ask(_TASKS, runs=runs, since=since)
        for tasks in _chunks(named):
            yield from self._ask(_NAMED, tasks=tasks)

    def _past(self, places: Sequence[tuple[str, str]], since: datetime) -> Iterator[Row]:
        for runs in _chunks(places):
            yield from self._ask(_HISTORY, past=True, runs=runs, since=since)

    def _try(self, row: Row, events: _Events, since: datetime) -> Failure | None:
        said, hand = events.of(row), events.by_hand(row)
        ended = moment(row["end_date"])
        if hand is not None and (ended is None or ended < since or not said):
            at = moment(hand["dttm"]) or events.upto
            text = f"{clock_time(at)}: {str(hand['owner'] or 'somebody')[:30]} set it to failed"
            return self._task("task_failed", row, at, [line("by hand", text)], {"marked_by": hand["owner"] or ""})
        if not said and (ended is None or ended < since):
            return None  # another index, or a try that failed long ago
        last = moment(said[-1]["dttm"]) if said else None
        return self._spoken("task_failed" if row["state"] == "failed" else "task_retrying", row, said, ended or last)

    def _past_try(self, row: Row, events: _Events) -> Failure | None:
        """A clear also puts the tries that it interrupts into the history as `failed`; only those with an event in the
        log have failed."""
        said, ended = events.of(row), moment(row["end_date"])
        if said:
            final = row["try_number"] > (row["max_tries"] or 0)
            return self._spoken("task_failed" if final else "task_retrying", row, said, ended)
        text = "put back by scheduler or person, no end in the log"
        return self._task("task_retrying", row, ended, [line("reset", text)], {"reset": True})

    def _reset(self, row: Row) -> Failure | None:
        """The failure of the try before this one, which left no record: a starting scheduler found it orphaned and ran
        the task again."""
        lost = {**row, "try_number": row["try_number"] - 1, "hostname": "", "pid": None, "duration": None}
        text = f"try {lost['try_number']} left no record, put back at a scheduler start"
        return self._task("task_retrying", lost, moment(row["start_date"]), [line("reset", text)], {"reset": True})

    def _spoken(self, kind: str, row: Row, said: Sequence[Row], ended: datetime | None) -> Failure | None:
        if ended is None:
            return None
        lines = [last_sign(moment(row["heartbeat"]), ended, row["hostname"] or "", row["pid"])]
        telling = next((event for event in said if event["event"] in KILLED), said[-1] if said else None)
        facts: dict[str, Any] = {}
        if telling is not None and (at := moment(telling["dttm"])) is not None:
            killer = telling["event"] in KILLED
            text = f"{clock_time(at)}: {EVENTS[telling['event']].format(state=row['state'])}"
            lines.append(line("scheduler" if killer else "airflow", text))
            facts = {"event": telling["event"], "event_at": at.isoformat()}
        killed = telling is not None and telling["event"] in KILLED
        return self._task(kind, row, ended, lines, facts, killed=killed)

    def _task(
        self, kind: str, row: Row, ended: datetime | None, lines: list[str], facts: Mapping[str, Any], *,
        killed: bool = False,
    ) -> Failure | None:  # fmt: skip
        if ended is None or (row["try_number"] < 1 and "marked_by" not in facts):
            return None
        beat, started = moment(row["heartbeat"]), moment(row["start_date"])
        extra = {
            "callback": "none received", "evidence": lines, "pid": row["pid"], "duration": row["duration"],
            "last_heartbeat": beat.isoformat() if beat else None,
            "start_date": started.isoformat() if started else None, **facts,
        }  # fmt: skip
        names = ("dag_id", "run_id", "task_id", "map_index", "try_number", "max_tries", "state", "hostname", "operator",
                 "pool", "queue")  # fmt: skip
        body = {name: row[name] for name in names if row[name] is not None}
        return failure({**self._common(kind, ended), **body, "extra": extra}, ended, killed=killed)

    def _run(self, row: Row) -> Failure | None:
        ended, date = moment(row["end_date"]), moment(row["logical_date"])
        if ended is None:
            return None
        body = {name: row[name] for name in ("dag_id", "run_id", "state")}
        extra = {"callback": "none received", "run_type": row["run_type"]}
        logical = {"logical_date": date.isoformat()} if date else {}
        return failure({**self._common("run_failed", ended), **body, **logical, "extra": extra}, ended)

    def _common(self, kind: str, ended: datetime) -> dict[str, Any]:
        return {"kind": kind, "deployment": self._deployment, "occurred_at": ended.isoformat(), "source": "sweep"}


def _key(row: Row) -> Key:
    return row["dag_id"], row["task_id"], row["run_id"]


def _asked(event: Row) -> Mapping[str, Any]:
    """The request body that Airflow stored with a log event; empty if it can't be read."""
    try:
        said = read_json(event["extra"] or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, Mapping) else {}


def _chunks(values: Sequence[Any]) -> Iterator[list[Any]]:
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
