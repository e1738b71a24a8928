"""Asks Airflow about new incidents (recent runs, the last success, the next run, waiting tasks) and adds the answers.

The number of incidents asked about is bounded, and a first message never waits for the answers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.core.airflow.protocol import Airflow, Run
from bot.core.errors import Permanent, Temporary
from bot.core.incidents.incident import OPEN_STATES, Incident
from bot.responder.incidents.presses import learn
from bot.responder.services import Services
from bot.store import incidents

logger = logging.getLogger(__name__)
INCIDENTS_ASKED = 25
RUNS_ASKED = 20
IDLE_SECONDS = 5.0


def learn_loop(services: Services, stop: threading.Event) -> None:
    """Runs `learn_news` for new incidents until stopped."""
    while not stop.is_set():
        services.news.wait(IDLE_SECONDS)
        services.news.clear()
        try:
            learn_news(services)
        except Exception:  # context is a convenience; its errors never stop the bot
            logger.exception("learning about incidents failed")


def learn_news(services: Services) -> None:
    """Asks Airflow about each open incident that it was not asked about since the incident opened."""
    with services.store.read() as t:
        found = incidents.listed(t, OPEN_STATES, limit=INCIDENTS_ASKED)
    for incident in found:
        airflow = services.airflows.get(incident.deployment)
        if airflow is not None and incident.exemplar.dag_id and incident.context.get("of") != _occasion(incident):
            try:
                learn(
                    services, incident.id, {"of": _occasion(incident), **context(airflow, incident, services.clock())}
                )
            except (Temporary, Permanent) as error:
                logger.info("nothing learnt about %s: %s", incident.name, error.message)


def _occasion(incident: Incident) -> str:
    """Identifies the failure that the context is about."""
    return f"{incident.times}/{incident.exemplar.run_id}"


def context(airflow: Airflow, incident: Incident, now: datetime) -> dict[str, Any]:
    """What Airflow knows about the failure; unknown facts are left out."""
    signal = incident.exemplar
    dag, runs = airflow.dag(signal.dag_id), airflow.runs(signal.dag_id, limit=RUNS_ASKED)
    known: dict[str, Any] = {}
    if dag is not None:
        known["next_run"] = (
            dag.next_run.isoformat() if dag.next_run and dag.next_run > now and not dag.is_paused else None
        )
    ended = [run for run in runs if run.state in {"success", "failed"}]
    known["recent"] = [run.state for run in reversed(ended)] if len(ended) > 1 else None
    known["last_success"] = _last_success(ended)
    if signal.run_id and signal.task_id:
        waiting = [i for i in airflow.task_instances(signal.dag_id, signal.run_id) if i.state == "upstream_failed"]
        known["waiting"] = len(waiting) or None
    return {name: value for name, value in known.items() if value is not None}


def _last_success(ended: Sequence[Run]) -> str | None:
    done = [run.end_date for run in ended if run.state == "success" and run.end_date]
    return max(done).isoformat() if done else None
