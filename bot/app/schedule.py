"""Runs jobs at fixed intervals, each at most once at a time; a job that fails runs again at its next interval."""

from __future__ import annotations

import logging
from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler

logger = logging.getLogger(__name__)


class Schedule:
    """The scheduler; `start` starts it, `stop` stops it."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(timezone="UTC")

    def every(self, seconds: float, work: Callable[[], object]) -> None:
        def job() -> None:
            try:
                work()
            except Exception:  # it is tried again at the next interval
                logger.exception("a scheduled job failed")

        self._scheduler.add_job(job, "interval", seconds=seconds, max_instances=1, coalesce=True)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
