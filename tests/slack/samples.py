"""Incidents as the tests show them: the example of every state, from plain values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.access import Person
from bot.core.airflow.protocol import Scope, TaskRef
from bot.core.incidents.incident import Counts, Incident, State
from bot.core.incidents.routing import Severity, Silence
from bot.core.incidents.runbook import Runbook
from bot.core.incidents.view import View
from bot.core.remediation import Change, Plan, Progress, Remediation, Surprise
from bot.core.signals.signal import Signal
from bot.core.signals.wire import parse

FAILED_AT = datetime(2026, 11, 22, 5, 12, tzinfo=UTC)
RUN = "scheduled__2026-11-22T05:00:00+00:00"
RUN_URL = "https://airflow.example.com/dags/sales_daily/runs/scheduled__2026-11-22T05%3A00%3A00%2B00%3A00"
ANA = Person("U0ANA", "Ana")
OURS = ("@U0ANA", "!subteam^S0DATAENG", "https://airflow.example.com/", "https://windsock.example.com/")
TRACEBACK = """Traceback (most recent call last):
  File "/opt/airflow/dags/sales_daily.py", line 42, in load
    with psycopg.connect(dsn) as connection:
  File "/usr/lib/python3.11/site-packages/psycopg/connection.py", line 119, in connect
    raise last_ex
psycopg.OperationalError: connection to server at "10.0.7.21", port 5432 failed: Connection refused.
"""
BOOK = Runbook("connection-refused", "The warehouse refuses connections", "## Why\nIt restarts.\n",
               phrase="warehouse refused the connection",
               actions=(("clear", {}), ("pause", {}), ("connection", {}), ("escalate", {})))  # fmt: skip
_CONTEXT = {"waiting": 4, "usual_seconds": 720, "recent": ["success"] * 17 + ["failed"] * 3,
            "last_success": "2026-11-21T06:00:00+00:00", "next_run": "2026-11-23T05:00:00+00:00"}  # fmt: skip


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


def minutes(number: float) -> datetime:
    """So many minutes after the failure."""
    return FAILED_AT + timedelta(minutes=number)


def signal(kind: str = "task_failed", **fields: Any) -> Signal:
    body: dict[str, Any] = {"kind": kind, "deployment": "prod", "occurred_at": FAILED_AT.isoformat()}
    return parse(body | fields, FAILED_AT)


def failure(**fields: Any) -> Signal:
    message = (
        'connection to server at "10.0.7.21", port 5432 failed: Connection refused. Is the server running on that host?'
    )
    fault = {"type": "psycopg.OperationalError", "message": message, "traceback": TRACEBACK}
    known = {"dag_id": "sales_daily", "run_id": RUN, "task_id": "load", "try_number": 3, "max_tries": 2, "owner": "data-eng",
             "exception": fault, "extra": {"duration": 41}}  # fmt: skip
    return signal(**(known | fields))


def incident(told: Signal | None = None, **changed: Any) -> Incident:
    told = told or failure()
    known = Incident(
        id=12, key="k", deployment="prod", family=told.family, state=State.open, severity=Severity.error,
        signature="9c41d2abcdef", masked="", channel="#data-alerts", version=1, opened_at=FAILED_AT, last_at=FAILED_AT,
        exemplar=told, page_at=minutes(15), mention="S0DATAENG", context=_CONTEXT if told.task_id else {},
    )  # fmt: skip
    return replace(known, **changed)


def view(about: Incident | None = None, **changed: Any) -> View:
    about = about or incident()
    known = View(about, Counts(3, 1, 1, 0, (("sales_daily", 3),), FAILED_AT, FAILED_AT), minutes(2), runbook=BOOK,
                 run_url=RUN_URL if about.exemplar.run_id else "", can_act=True)  # fmt: skip
    return replace(known, **changed)


def held(**changed: Any) -> Incident:
    return incident(**({"state": State.acknowledged, "holder": ANA, "held_at": minutes(2)} | changed))


def ref(task: str, index: int = -1, dag: str = "sales_daily") -> TaskRef:
    return TaskRef(dag, RUN, task, index)


def change(
    task: str, before: str, index: int = -1, surprise: Surprise = Surprise.none, after: str = "runs again"
) -> Change:
    named = ref(task, index)
    return Change(named.label, before, after, RUN, named, surprise)


CHANGES = (
    change("load", "failed", 6),
    *(change("load", "success", index, Surprise.neighbour) for index in range(6)),
    change("quality_check", "running", surprise=Surprise.running, after="stopped, runs again"),
    change("transform", "upstream_failed"),
    *(change("publish", "upstream_failed", index) for index in range(4)),
    change("notify", "upstream_failed"),
)


def plan(changes: tuple[Change, ...] = CHANGES, action: str = "clear", **changed: Any) -> Plan:
    scopes = (Scope("sales_daily", RUN, (("load", 6),), False, True),)
    known = Plan("P-7f3a", action, "prod", changes, ANA, minutes(4), 12, scopes)
    return replace(known, **changed)


def remediation(progress: Progress = Progress.watching, **changed: Any) -> Remediation:
    known = Remediation(1, plan(), progress, minutes(4), minutes(5), began_at=minutes(4),
                        tally={"done": 9, "failed": 0, "running": 2, "waiting": 3})  # fmt: skip
    return replace(known, **changed)


QUIET = Silence(4, "dag:sales_daily", "prod", minutes(60), "Ben", "warehouse maintenance")
DAGS = (("sales_daily", 96), ("orders_hourly", 71), ("customers_sync", 44), ("inventory_daily", 31),
        *((f"dag_{n}", 2) for n in range(35)), ("dag_35", 0))  # fmt: skip
