"""`status`, `open`, `show`, `runbook`, `whoami`: commands that only read."""

from __future__ import annotations

from bot.core.access import NEEDS
from bot.core.airflow.protocol import TaskInstance, TaskRef
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incidents.runbook import best
from bot.core.incidents.view import View
from bot.responder.alerts.views import open_views, subjects_of
from bot.responder.lookups.find import Target
from bot.responder.lookups.status import status as status_of
from bot.slack.commands import grammar
from bot.slack.commands.request import PATIENCE, Ask, incident_view, prefix, refused, target
from bot.slack.commands.runs import run_tasks
from bot.slack.replies import dag_and_task, replies
from bot.slack.replies import incidents as incident_replies
from bot.slack.replies import status as status_reply
from bot.slack.text.block_kit import Message

NEWEST = 10

MOST_LISTED = 1_000


def status(ask: Ask) -> Message:
    return status_reply.status(status_of(ask.services))


def open_alerts(ask: Ask) -> Message:
    views = open_views(ask.services)
    if ask.said("mine"):
        views = [v for v in views if v.incident.holder and v.incident.holder.id == ask.person.id]
    return incident_replies.open_alerts(views)


def show(ask: Ask) -> Message:
    """An alert's timeline, a DAG, a run, or a task instance, in full."""
    if not ask.words:
        return refused(ask, Refused("`show` needs an alert such as A-12, a DAG, a run or a task.", "open"), "show")
    ref = grammar.ref(ask.words[0])
    if isinstance(ref, Refused) or ref.incident is not None:
        seen = ref if isinstance(ref, Refused) else incident_view(ask, ask.words[0])
        return refused(ask, seen, "show") if isinstance(seen, Refused) else incident_replies.timeline(seen)
    found = target(ask, ref)
    if isinstance(found, Refused):
        return refused(ask, found, "show")
    if found.task_id:
        return task(ask, found)
    if found.run is None:
        return dag(ask, found)
    return run_tasks(found.airflow, found.dag_id, found.run.run_id, prefix(ask, found.airflow))


def whoami(ask: Ask) -> Message:
    role = ask.services.access.role_of(ask.person)
    article = "an" if role.name[0] in "aeiou" else "a"
    verbs = ", ".join(f"`{verb}`" for verb, needed in NEEDS.items() if needed <= role) or "nothing; a viewer looks"
    return replies.told(f"You are *{ask.person.name}*, {article} *{role.name}*. You may change: {verbs}.", "help")


def runbook(ask: Ask) -> Message:
    """A runbook by name, or the one that matches an alert; without an argument, the list."""
    books = sorted(ask.services.runbooks, key=lambda book: book.title)
    if not ask.words:
        listed = "\n".join(f"• `{book.name}`  {book.title}" for book in books)
        return replies.told(listed or "There are no runbooks.", "runbook NAME")
    word = ask.words[0]
    book = ask.services.runbook(word)
    if book is None:
        seen = incident_view(ask, word)
        if isinstance(seen, View):
            book = seen.runbook or best(ask.services.runbooks, seen.incident.exemplar)
    if book is None:
        return refused(ask, Refused(f"No runbook is called or fits `{word[:60]}`.", "runbook"), "runbook")
    return replies.runbook(book, f"{ask.services.public_url}/runbooks/{book.name}" if ask.services.public_url else "")


def failures(ask: Ask, seen: View) -> Message:
    """Everything that an alert counts."""
    return incident_replies.failures(seen, subjects_of(ask.services, seen.incident.id, MOST_LISTED))


def dag(ask: Ask, found: Target) -> Message:
    """One DAG, its newest runs and its open alerts."""
    try:
        with found.airflow.within(PATIENCE):
            known, newest = found.airflow.dag(found.dag_id), found.airflow.runs(found.dag_id, limit=NEWEST)
    except (Temporary, Permanent) as error:
        return replies.trouble(error.message)
    if known is None:
        return replies.trouble(f"{found.airflow.name} has no DAG {found.dag_id}.")
    mine = [
        view.incident.name for view in open_views(ask.services)
        if view.incident.deployment == found.airflow.name and found.dag_id in {dag_id for dag_id, _ in view.counts.dags}
    ]  # fmt: skip
    return dag_and_task.dag(known, newest, mine, ask.services.clock(), prefix(ask, found.airflow))


def task(ask: Ask, found: Target) -> Message:
    """One task instance, of the named run or the newest."""
    airflow = found.airflow
    try:
        with airflow.within(PATIENCE):
            run_id = found.run.run_id if found.run else _newest(found)
            ref = TaskRef(found.dag_id, run_id, found.task_id, -1 if found.map_index is None else found.map_index)
            instances = airflow.task_instances(ref.dag_id, run_id, task_id=ref.task_id) if run_id else []
            url = airflow.task_url(ref) if instances else ""
    except (Temporary, Permanent) as error:
        return replies.trouble(error.message)
    mine = [one for one in instances if found.map_index is None or one.ref.map_index == found.map_index]
    if not mine:
        return replies.trouble(f"{airflow.name} has no {ref.dag_id}.{ref.label} in a run yet.")
    return dag_and_task.task(_telling(mine), mine, url, ask.services.clock(), prefix(ask, airflow))


def _newest(found: Target) -> str:
    return next((run.run_id for run in found.airflow.runs(found.dag_id, limit=1)), "")


def _telling(instances: list[TaskInstance]) -> TaskInstance:
    """The first failed task instance; the first one if none failed."""
    return next((one for one in instances if one.state == "failed"), instances[0])
