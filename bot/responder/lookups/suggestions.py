"""Suggests DAGs, runs and tasks while a person types in a dialog.

Slack waits three seconds for suggestions, so every question has a hard time limit, and a deployment that couldn't be
asked becomes a sentence in the list. Answers are cached for a few seconds: a suggestion may be stale, a plan never is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from bot.core.airflow.protocol import FAILED_STATES, Airflow, Dag, Run, TaskInstance
from bot.core.errors import Permanent, Refused, Temporary
from bot.responder.services import Services

T = TypeVar("T")
WITHIN = 1.8  # seconds that Airflow is given
AT_MOST = 2.2  # seconds until we answer without it
KEPT = 8.0
TROUBLE_KEPT = 2.0
MOST_KEPT = 500
MOST = 100


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """What one deployment offers; `trouble` is a sentence if it could not be asked."""

    deployment: str
    items: tuple[T, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class TaskOffer:
    """A task of a run, or one mapped index of it. `state` is its own; for a mapped task it is the worst index's."""

    task_id: str
    map_index: int | None
    state: str
    mapped: int = 0  # how many indexes it stands for

    @property
    def label(self) -> str:
        return self.task_id if self.map_index is None else f"{self.task_id}[{self.map_index}]"


class Catalog:
    """The suggestions for all users. Thread-safe."""

    def __init__(self, services: Services, clock: Callable[[], float] = time.monotonic) -> None:
        self._services, self._clock = services, clock
        self._kept: dict[Hashable, tuple[float, Offer[Any]]] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="suggestions")

    def dags(self, pattern: str) -> list[Offer[Dag]]:
        """The DAGs whose id contains the pattern, by deployment; every deployment is asked at once."""
        return self._all([(name, ("dags", name, pattern.casefold()), lambda airflow: airflow.dags(pattern, MOST))
                          for name in sorted(self._services.airflows)])  # fmt: skip

    def dag(self, deployment: str, dag_id: str) -> Dag | Refused:
        """One DAG with its params. Refused when it does not exist, or when Airflow does not answer."""
        found = self._one(deployment, ("dag", deployment, dag_id), lambda airflow: [airflow.dag(dag_id)])
        if found.trouble or not found.items:
            return Refused(found.trouble or "Airflow did not answer.", "status")
        return found.items[0] or Refused(f"{deployment} has no DAG `{dag_id[:100]}`.", "status")

    def runs(self, deployment: str, dag_id: str) -> Offer[Run]:
        """The newest runs, newest first."""
        return self._one(deployment, ("runs", deployment, dag_id), lambda airflow: airflow.runs(dag_id, limit=MOST))

    def tasks(self, deployment: str, dag_id: str, run_id: str) -> Offer[TaskOffer]:
        """The tasks of a run, failed ones first; a mapped task is offered as a whole and by index."""
        key = ("tasks", deployment, dag_id, run_id)
        return self._one(deployment, key, lambda airflow: offers(airflow.task_instances(dag_id, run_id)))

    def _one(self, deployment: str, key: Hashable, look: Callable[[Airflow], Sequence[T]]) -> Offer[T]:
        if deployment not in self._services.airflows:
            return Offer(deployment, (), f"There is no deployment {deployment}.")
        return self._all([(deployment, key, look)])[0]

    def _all(self, questions: list[tuple[str, Hashable, Callable[[Airflow], Sequence[T]]]]) -> list[Offer[T]]:
        """Asks what is not cached, all at once, and answers in time even if a deployment doesn't."""
        known = {key: offered for _, key, _ in questions if (offered := self._known(key))}
        asked: dict[Hashable, Future[Offer[T]]] = {
            key: self._pool.submit(self._look, name, key, look) for name, key, look in questions if key not in known
        }
        wait(asked.values(), timeout=AT_MOST)
        late: dict[str, Offer[T]] = {name: Offer(name, (), f"{name} does not answer.") for name, _, _ in questions}
        return [
            cast("Offer[T]", known[key]) if key in known else asked[key].result() if asked[key].done() else late[name]
            for name, key, _ in questions
        ]

    def _look(self, name: str, key: Hashable, look: Callable[[Airflow], Sequence[T]]) -> Offer[T]:
        airflow = self._services.airflows[name]
        try:
            with airflow.within(WITHIN):
                offered = Offer(name, tuple(look(airflow)))
        except (Temporary, Permanent) as error:
            offered = Offer(name, (), error.message)
        with self._lock:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (self._clock() + (TROUBLE_KEPT if offered.trouble else KEPT), offered)
        return offered

    def _known(self, key: Hashable) -> Offer[Any] | None:
        with self._lock:
            kept = self._kept.get(key)
        return kept[1] if kept and kept[0] > self._clock() else None


def offers(instances: Sequence[TaskInstance]) -> list[TaskOffer]:
    """One offer per task, and for a mapped task also one per index. Failed ones come first."""
    by_task: dict[str, list[TaskInstance]] = {}
    for instance in instances:
        by_task.setdefault(instance.ref.task_id, []).append(instance)
    found: list[TaskOffer] = []
    for task_id, some in by_task.items():
        worst = min(some, key=lambda one: _rank(one.state))
        if len(some) == 1 and worst.ref.map_index < 0:
            found.append(TaskOffer(task_id, None, worst.state))
            continue
        found.append(TaskOffer(task_id, None, worst.state, len(some)))
        found += [TaskOffer(task_id, one.ref.map_index, one.state) for one in sorted(some, key=lambda one: one.ref)]
    return sorted(found, key=lambda offer: _rank(offer.state))


def _rank(state: str) -> int:
    if state in FAILED_STATES:
        return 0
    return 1 if state == "upstream_failed" else 2


def likely(runs: Sequence[Run]) -> Run | None:
    """The run that is most likely meant: the newest that failed, else the newest."""
    return next((run for run in runs if run.state == "failed"), runs[0] if runs else None)
