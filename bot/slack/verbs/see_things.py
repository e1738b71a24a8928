"""`show` of a DAG and of a task instance: what it is, how it is, whose it is."""

from __future__ import annotations

from bot.core.airflow.protocol import TaskInstance, TaskRef
from bot.core.errors import Permanent, Temporary
from bot.responder.alerts.views import open_views
from bot.responder.lookups.find import Target
from bot.slack import answers, thing_reports
from bot.slack.kit import Message
from bot.slack.verbs.ask import PATIENCE, Ask, prefix

NEWEST = 10


def dag(ask: Ask, found: Target) -> Message:
    """One DAG, its newest runs and its open alerts."""
    try:
        with found.airflow.within(PATIENCE):
            known, newest = found.airflow.dag(found.dag_id), found.airflow.runs(found.dag_id, limit=NEWEST)
    except (Temporary, Permanent) as error:
        return answers.trouble(error.message)
    if known is None:
        return answers.trouble(f"{found.airflow.name} has no DAG {found.dag_id}.")
    mine = [
        view.incident.name for view in open_views(ask.desk)
        if view.incident.deployment == found.airflow.name and found.dag_id in {dag_id for dag_id, _ in view.counts.dags}
    ]  # fmt: skip
    return thing_reports.dag(known, newest, mine, ask.desk.clock(), prefix(ask, found.airflow))


def task(ask: Ask, found: Target) -> Message:
    """One task instance, of the run that was named or of the newest."""
    airflow = found.airflow
    try:
        with airflow.within(PATIENCE):
            run_id = found.run.run_id if found.run else _newest(found)
            ref = TaskRef(found.dag_id, run_id, found.task_id, -1 if found.map_index is None else found.map_index)
            instances = airflow.task_instances(ref.dag_id, run_id, task_id=ref.task_id) if run_id else []
            url = airflow.task_url(ref) if instances else ""
    except (Temporary, Permanent) as error:
        return answers.trouble(error.message)
    mine = [one for one in instances if found.map_index is None or one.ref.map_index == found.map_index]
    if not mine:
        return answers.trouble(f"{airflow.name} has no {ref.dag_id}.{ref.label} in a run yet.")
    return thing_reports.task(_telling(mine), mine, url, ask.desk.clock(), prefix(ask, airflow))


def _newest(found: Target) -> str:
    return next((run.run_id for run in found.airflow.runs(found.dag_id, limit=1)), "")


def _telling(instances: list[TaskInstance]) -> TaskInstance:
    """Of mapped ones the first that failed."""
    return next((one for one in instances if one.state == "failed"), instances[0])
