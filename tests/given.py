"""What many tests start from: a clock that stands still, signals by a few words, services on an empty store.

Rule: nothing here asserts; a test reads as a promise, and what it is given stands beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

from bot.core.access import Access, Person
from bot.core.incidents.routing import Placement, Policy, route
from bot.core.incidents.runbook import Runbook
from bot.core.roles import Role
from bot.core.signals.signal import Signal
from bot.core.signals.signature import Signature, sign
from bot.core.signals.wire import parse
from bot.responder.services import Services
from bot.store.database import Store

NOW = datetime(2026, 11, 22, 5, 0, 41, tzinfo=UTC)
RUN = "scheduled__2026-11-22T05:00:00+00:00"
ANA = Person("U0ANA", "Ana")
BEN = Person("U0BEN", "Ben")
EVERYBODY_OPERATES = Access({Role.operator: frozenset({"*"})})


@dataclass
class Clock:
    """A clock that moves only when it is told to."""

    now: datetime = NOW
    jumped: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now

    def jump(self, **time: float) -> None:
        """Somebody sets the clock; no time passes."""
        self.now += timedelta(**time)
        self.jumped += timedelta(**time)

    def monotonic(self) -> float:
        return (self.now - self.jumped - NOW).total_seconds()


def body(kind: str = "task_failed", **changed: Any) -> dict[str, Any]:
    """A signal's JSON object; a value of None takes the field away."""
    names: dict[str, Any] = {
        "task": {"dag_id": "sales", "run_id": RUN, "task_id": "load", "try_number": 1},
        "run": {"dag_id": "sales", "run_id": RUN},
        "sla": {"dag_id": "sales"},
        "deadline": {"dag_id": "sales", "run_id": RUN},
        "import": {"file": "dags/sales.py"},
        "check": {"check": "scheduler-heartbeat"},
        "external": {"name": "disk almost full"},
    }[kind.split("_", maxsplit=1)[0]]
    made = {"v": 1, "kind": kind, "deployment": "prod", "occurred_at": NOW.isoformat(), **names}
    if kind == "task_failed":
        made["exception"] = {"type": "ValueError", "message": "row 17 is bad"}
    return {name: value for name, value in (made | changed).items() if value is not None}


# As the plugin sends a failed task.
SENT = body(
    map_index=3, max_tries=2, state="failed", source="listener", owner="data-eng", operator="PythonOperator", pool="default",
    queue="default", hostname="worker-1", log_url="https://airflow/log", tags=["critical", "sales"], pid=77,
    logical_date="2026-11-22T05:00:00+00:00", start_date="2026-11-22T05:00:00+00:00", end_date="2026-11-22T05:00:40+00:00",
    exception={"type": "ValueError", "message": "row 17 is bad", "traceback": 'Traceback:\n  File "x.py", line 3, in load\n'},
)  # fmt: skip


def told(kind: str = "task_failed", **changed: Any) -> Signal:
    """A signal that was parsed."""
    return parse(body(kind, **changed), NOW + timedelta(days=365))


def failure(cause: str = "row is bad", **changed: Any) -> Signal:
    """A failed task with this exception message."""
    return told(exception={"type": "ValueError", "message": cause}, **changed)


def placed(signal: Signal, policy: Policy | None = None) -> tuple[Signature, Placement]:
    """What `report` works out about a signal before anything is observed."""
    signature = sign(signal.exception.type, signal.exception.message)
    return signature, route(signal, signature.name, policy or Policy())


PAGED = {"pagerduty": "PagerDuty"}  # what a bot with one pager has in its services
OPENED: list[Store] = []  # each is closed at the end of its test, by a fixture of `tests.conftest`


def opened(url: str) -> Store:
    """A store that is up to date."""
    store = Store(url)
    OPENED.append(store)
    store.migrate()
    return store


def some_services(url: str, clock: Clock | None = None, runbooks: tuple[Runbook, ...] = (), **given: Any) -> Services:
    """Services on a store that is up to date; everybody is an operator unless said otherwise."""
    store = opened(url)
    given.setdefault("access", EVERYBODY_OPERATES)
    clock = clock or Clock()
    if isinstance(clock, Clock):
        given.setdefault("monotonic", clock.monotonic)
    return Services(store=store, clock=clock, runbooks=runbooks, **given)


def wait_until(condition: Callable[[], object], what: Callable[[], object], seconds: float = 20) -> None:
    """Waits for a condition; when it does not come, fails with what was there instead."""
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, f"waited {seconds} s; there was {what()!r}"
        sleep(0.005)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Runs each in a thread of its own, all from the same moment; their results, an exception as itself."""
    gate = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(place: int, work: Callable[[], Any]) -> None:
        gate.wait(timeout=30)
        try:
            results[place] = work()
        except Exception as error:  # noqa: BLE001 - handed to the test, which looks at it
            results[place] = error

    threads = [threading.Thread(target=run, args=(place, work)) for place, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results
