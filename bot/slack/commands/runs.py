"""`runs` and `tasks`: the runs of a DAG, and one of them as a tree of its tasks. If the DAG has changed since the run,
the run's tasks are shown in the tree as far as it still matches."""

from __future__ import annotations

from bot.core.airflow.protocol import Airflow
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incidents.view import View
from bot.slack.commands.request import PATIENCE, Ask, pointed, prefix, refused
from bot.slack.replies import replies, run_tree
from bot.slack.text.block_kit import Message

STATES = {"failed": "failed", "success": "success", "succeeded": "success", "running": "running", "queued": "queued"}
NEWEST = 25


def runs(ask: Ask) -> Message:
    """The newest runs of a DAG, all or those in one state."""
    found = pointed(ask, "a DAG")
    if isinstance(found, Refused):
        return refused(ask, found, "runs")
    states = list(dict.fromkeys(STATES[word.lower()] for word in ask.words[1:] if word.lower() in STATES))
    odd = [word for word in ask.words[1:] if word.lower() not in STATES]
    if odd:
        return refused(ask, Refused(f"`{odd[0][:40]}` isn't a state of a run; use failed, success, running or queued.",
                                    "help runs"), "runs")  # fmt: skip
    try:
        with found.airflow.within(PATIENCE):
            newest = found.airflow.runs(found.dag_id, states, NEWEST)
    except (Temporary, Permanent) as error:
        return replies.trouble(error.message)
    return run_tree.runs(found.dag_id, newest, ask.services.clock(), states, prefix(ask, found.airflow))


def tasks(ask: Ask) -> Message:
    """The task instances of a run with their states, of the named run or the newest."""
    found = pointed(ask, "a run, such as dag@run", needs_run=True)
    if isinstance(found, Refused):
        return refused(ask, found, "tasks")
    return run_tasks(found.airflow, found.dag_id, found.run.run_id if found.run else "", prefix(ask, found.airflow))


def alert_tasks(ask: Ask, seen: View) -> Message:
    """The run of an alert's latest failure."""
    signal = seen.incident.exemplar
    airflow = ask.services.airflows.get(signal.deployment)
    if airflow is None or not signal.run_id:
        return replies.trouble(f"{seen.incident.name} is about no run.")
    return run_tasks(airflow, signal.dag_id, signal.run_id, prefix(ask, airflow))


def run_tasks(airflow: Airflow, dag_id: str, run_id: str, where: str = "") -> Message:
    """One run as a tree. `where` is `prod:` if there are several deployments."""
    try:
        with airflow.within(PATIENCE):
            run = airflow.run(dag_id, run_id)
            if run is None:
                return replies.trouble(f"{airflow.name} has no run {run_id} of {dag_id}.")
            instances, url = airflow.task_instances(dag_id, run_id), airflow.run_url(dag_id, run_id)
            nodes = airflow.task_tree(dag_id) or []
    except (Temporary, Permanent) as error:
        return replies.trouble(error.message)
    return run_tree.tasks(run, instances, url, nodes, where)
