"""Verbs that only look: help, status, health, open, show, runbook, whoami, logs."""

from __future__ import annotations

from bot.core.access import NEEDS
from bot.core.deployment import Airflow, TaskRef
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.runbook import best
from bot.core.signal import Signal
from bot.core.view import View
from bot.responder import look
from bot.slack import answers, grammar
from bot.slack.kit import Message
from bot.slack.verbs.ask import Ask, incident_view, missing, refused, target
from bot.store import incidents

LOG_LINES = 12
MOST_LOG_LINES = 50
MOST_LISTED = 1_000


def status(ask: Ask) -> Message:
    return answers.status(look.status(ask.desk))


def health(ask: Ask) -> Message:
    return answers.health(look.status(ask.desk))


def open_alerts(ask: Ask) -> Message:
    views = look.open_views(ask.desk)
    if ask.said("mine"):
        views = [v for v in views if v.incident.holder and v.incident.holder.id == ask.person.id]
    return answers.open_alerts(views)


def show(ask: Ask) -> Message:
    if not ask.words:
        return missing(ask, "an alert such as A-12")
    seen = incident_view(ask, ask.words[0])
    if isinstance(seen, Refused):
        return refused(ask, seen, "show")
    return answers.timeline(seen)


def whoami(ask: Ask) -> Message:
    role = ask.desk.access.role_of(ask.person)
    article = "an" if role.name[0] in "aeiou" else "a"
    verbs = ", ".join(f"`{verb}`" for verb, needed in NEEDS.items() if needed <= role) or "nothing; a viewer looks"
    return answers.told(f"You are *{ask.person.name}*, {article} *{role.name}*. You may change: {verbs}.", "help")


def runbook(ask: Ask) -> Message:
    """By name, or the one that fits an alert; without a word, the list."""
    books = sorted(ask.desk.runbooks, key=lambda book: book.title)
    if not ask.words:
        listed = "\n".join(f"• `{book.name}`  {book.title}" for book in books)
        return answers.told(listed or "There are no runbooks.", "runbook NAME")
    word = ask.words[0]
    book = ask.desk.runbook(word)
    if book is None:
        seen = incident_view(ask, word)
        if isinstance(seen, View):
            book = seen.runbook or best(ask.desk.runbooks, seen.incident.exemplar)
    if book is None:
        return refused(ask, Refused(f"No runbook is called or fits `{word[:60]}`.", "runbook"), "runbook")
    return answers.runbook(book, f"{ask.desk.public_url}/runbooks/{book.name}" if ask.desk.public_url else "")


def logs(ask: Ask) -> Message:
    """The last lines of a task's log: of an alert, or of a task in its newest run."""
    if not ask.words:
        return missing(ask, "an alert or a task")
    wanted = next((int(word) for word in ask.words[1:] if word.isdecimal()), LOG_LINES)
    ref = grammar.ref(ask.words[0])
    found = ref if isinstance(ref, Refused) else target(ask, ref, needs_run=True)
    if isinstance(found, Refused):
        return refused(ask, found, "logs")
    if not found.task_id or found.run is None:
        return missing(ask, "a task, such as dag.task")
    return task_log(found.airflow, _task_ref(found.dag_id, found.run.run_id, found.task_id, found.map_index), wanted)


def _task_ref(dag_id: str, run_id: str, task_id: str, map_index: int | None) -> TaskRef:
    return TaskRef(dag_id, run_id, task_id, -1 if map_index is None else map_index)


def alert_log(ask: Ask, seen: View) -> Message:
    """The log behind an alert's latest failure."""
    signal: Signal = seen.incident.exemplar
    airflow = ask.desk.airflows.get(signal.deployment)
    if airflow is None or not signal.task_id:
        return answers.trouble(f"{seen.incident.name} is about no task instance, so there is no log.")
    ref = _task_ref(signal.dag_id, signal.run_id, signal.task_id, signal.map_index)
    return task_log(airflow, ref, LOG_LINES, signal.try_number)


def task_log(airflow: Airflow, ref: TaskRef, wanted: int, try_number: int = 0) -> Message:
    try:
        if not try_number:
            instance = airflow.task_instance(ref)
            if instance is None:
                return answers.trouble(f"{airflow.name} has no {ref.dag_id}.{ref.label} in run {ref.run_id}.")
            try_number = max(1, instance.try_number)
        log = airflow.log(ref, try_number)
        url = airflow.task_url(ref, try_number)
    except (Temporary, Permanent) as error:
        return answers.trouble(error.message)
    return answers.log(ref, log.lines, try_number, url, min(max(1, wanted), MOST_LOG_LINES))


def failures(ask: Ask, seen: View) -> Message:
    """Everything that an alert counts."""
    with ask.desk.store.read() as t:
        everything = incidents.subjects_of(t, seen.incident.id, limit=MOST_LISTED)
    return answers.failures(seen, everything)


def tasks(ask: Ask) -> Message:
    """A run's task instances with their states: of a run that is named, or of the newest."""
    if not ask.words:
        return missing(ask, "a run, such as dag@run")
    ref = grammar.ref(ask.words[0])
    found = ref if isinstance(ref, Refused) else target(ask, ref, needs_run=True)
    if isinstance(found, Refused):
        return refused(ask, found, "tasks")
    return run_tasks(found.airflow, found.dag_id, found.run.run_id if found.run else "")


def alert_tasks(ask: Ask, seen: View) -> Message:
    """The run behind an alert's latest failure."""
    signal = seen.incident.exemplar
    airflow = ask.desk.airflows.get(signal.deployment)
    if airflow is None or not signal.run_id:
        return answers.trouble(f"{seen.incident.name} is about no run.")
    return run_tasks(airflow, signal.dag_id, signal.run_id)


def run_tasks(airflow: Airflow, dag_id: str, run_id: str) -> Message:
    try:
        run, instances, url = (
            airflow.run(dag_id, run_id),
            airflow.task_instances(dag_id, run_id),
            airflow.run_url(dag_id, run_id),
        )
    except (Temporary, Permanent) as error:
        return answers.trouble(error.message)
    if run is None:
        return answers.trouble(f"{airflow.name} has no run {run_id} of {dag_id}.")
    return answers.tasks(run, instances, url)
