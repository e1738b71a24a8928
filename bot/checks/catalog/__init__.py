"""The built-in checks. A new check is one record in one of these files, listed here."""

from bot.checks.catalog.dag_files import IMPORT_ERRORS, SLOW_DAG_PARSE
from bot.checks.catalog.pools import POOL_STARVATION, SENSOR_DEADLOCK
from bot.checks.catalog.queued import QUEUE_DEPTH, QUEUE_WAIT, STUCK_QUEUED
from bot.checks.catalog.runs import LOW_SUCCESS_RATE, SCHEDULER_LAG
from bot.checks.catalog.scheduler import SCHEDULER_HEARTBEAT
from bot.checks.catalog.tasks import LONG_RUNNING, STALE_HEARTBEATS
from bot.checks.catalog.xcoms import XCOM_BLOAT
from bot.checks.check import Check

ALL: tuple[Check, ...] = (
    SCHEDULER_HEARTBEAT, SCHEDULER_LAG, IMPORT_ERRORS, SLOW_DAG_PARSE, STALE_HEARTBEATS, LONG_RUNNING, STUCK_QUEUED,
    QUEUE_DEPTH, QUEUE_WAIT, POOL_STARVATION, SENSOR_DEADLOCK, LOW_SUCCESS_RATE, XCOM_BLOAT,
)  # fmt: skip
