"""The questions that Windsock asks each Airflow on a schedule. A new check is one record in one of these files,
listed here."""

from collections.abc import Iterable, Sequence
from typing import Any

from bot.checks.check import Check
from bot.checks.dag_files import IMPORT_ERRORS, SLOW_DAG_PARSE
from bot.checks.metastore import Metastore
from bot.checks.pools import POOL_STARVATION, SENSOR_DEADLOCK
from bot.checks.queued import QUEUE_DEPTH, QUEUE_WAIT, STUCK_QUEUED
from bot.checks.runs import LOW_SUCCESS_RATE, SCHEDULER_LAG
from bot.checks.scheduler import SCHEDULER_HEARTBEAT
from bot.checks.sweep import Sweep
from bot.checks.tasks import LONG_RUNNING, STALE_HEARTBEATS
from bot.checks.xcoms import XCOM_BLOAT

ALL: tuple[Check, ...] = (
    SCHEDULER_HEARTBEAT, SCHEDULER_LAG, IMPORT_ERRORS, SLOW_DAG_PARSE, STALE_HEARTBEATS, LONG_RUNNING, STUCK_QUEUED,
    QUEUE_DEPTH, QUEUE_WAIT, POOL_STARVATION, SENSOR_DEADLOCK, LOW_SUCCESS_RATE, XCOM_BLOAT,
)  # fmt: skip


class _Forgetful:
    """A memory for one look: nothing was sick before, and nothing is kept."""

    def get(self, key: str) -> dict[str, Any] | None:  # noqa: ARG002 - the protocol's
        return None

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Nothing is kept."""


def look(
    deployment: str, metastore_url: str, names: Iterable[str] | None = None, chosen: Sequence[Check] = ALL
) -> list[dict[str, Any]]:
    """Runs the checks once and tells nobody: for the command line."""
    metastore = Metastore(metastore_url)
    try:
        results = Sweep(chosen, metastore, deployment, lambda _: None, _Forgetful()).run(names)
    finally:
        metastore.close()
    return [
        {"deployment": deployment, "check": result.check.name, "seconds": round(result.seconds, 3),
         "findings": [finding.sentence for finding in result.findings], "error": result.error}
        for result in results
    ]  # fmt: skip
