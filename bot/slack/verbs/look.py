"""Verbs that only look at alerts and people: status, open, show, runbook, whoami; the others of their kind by name.

Rule: what a press of a button shows is what the verb shows, so the listeners find all of them here.
"""

from __future__ import annotations

from bot.core.access import NEEDS
from bot.core.errors import Refused
from bot.core.incidents.runbook import best
from bot.core.incidents.view import View
from bot.responder.alerts import views as look
from bot.responder.lookups.status import status as status_of
from bot.slack import answers, grammar
from bot.slack.kit import Message
from bot.slack.verbs import see_things
from bot.slack.verbs.ask import Ask, incident_view, prefix, refused, target
from bot.slack.verbs.see_logs import alert_log, logs, task_log
from bot.slack.verbs.see_parts import health
from bot.slack.verbs.see_runs import alert_tasks, run_tasks, tasks
from bot.store import incidents

__all__ = ["alert_log", "alert_tasks", "failures", "health", "logs", "open_alerts", "run_tasks", "runbook", "show", "status",
           "task_log", "tasks", "whoami"]  # fmt: skip
MOST_LISTED = 1_000


def status(ask: Ask) -> Message:
    return answers.status(status_of(ask.desk))


def open_alerts(ask: Ask) -> Message:
    views = look.open_views(ask.desk)
    if ask.said("mine"):
        views = [v for v in views if v.incident.holder and v.incident.holder.id == ask.person.id]
    return answers.open_alerts(views)


def show(ask: Ask) -> Message:
    """An alert's timeline, a DAG, a run, or a task instance, in full."""
    if not ask.words:
        return refused(ask, Refused("`show` needs an alert such as A-12, a DAG, a run or a task.", "open"), "show")
    ref = grammar.ref(ask.words[0])
    if isinstance(ref, Refused) or ref.incident is not None:
        seen = ref if isinstance(ref, Refused) else incident_view(ask, ask.words[0])
        return refused(ask, seen, "show") if isinstance(seen, Refused) else answers.timeline(seen)
    found = target(ask, ref)
    if isinstance(found, Refused):
        return refused(ask, found, "show")
    if found.task_id:
        return see_things.task(ask, found)
    if found.run is None:
        return see_things.dag(ask, found)
    return run_tasks(found.airflow, found.dag_id, found.run.run_id, prefix(ask, found.airflow))


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


def failures(ask: Ask, seen: View) -> Message:
    """Everything that an alert counts."""
    with ask.desk.store.read() as t:
        everything = incidents.subjects_of(t, seen.incident.id, limit=MOST_LISTED)
    return answers.failures(seen, everything)
