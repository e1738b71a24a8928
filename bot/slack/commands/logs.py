"""`logs`: the log of one try, of an alert or of a task in a run.

If more lines are requested than fit into a message, the log becomes a file in the alert's thread; a task without an
alert has no thread, so it gets only the message. Nothing is posted unredacted.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.airflow.protocol import Airflow, Log, TaskRef
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incidents.view import View
from bot.core.signals.signal import Signal
from bot.responder.alerts.views import thread_of
from bot.slack.api import files
from bot.slack.commands import grammar
from bot.slack.commands.request import PATIENCE, Ask, pointed, prefix, refused
from bot.slack.replies import log as log_reply
from bot.slack.replies import replies
from bot.slack.text.block_kit import Message

LINES, MOST_LINES = 12, 50


def logs(ask: Ask) -> Message:
    """The log of an alert or a task; `50` requests more lines, `try 2` another try, `file` the whole log in the
    thread."""
    found = pointed(ask, "an alert or a task", needs_run=True)
    if isinstance(found, Refused):
        return refused(ask, found, "logs")
    if not found.task_id or found.run is None:
        return refused(ask, Refused("`logs` needs a task, such as dag.task.", f"tasks {ask.words[0][:80]}"), "logs")
    index = -1 if found.map_index is None else found.map_index
    ref = TaskRef(found.dag_id, found.run.run_id, found.task_id, index)
    wanted, try_number = options(ask.words[1:])
    named = grammar.ref(ask.words[0])
    incident = 0 if isinstance(named, Refused) else named.incident or 0
    return task_log(found.airflow, ref, wanted, try_number, prefix(ask, found.airflow), _Thread(ask, incident, wanted))


def options(words: tuple[str, ...]) -> tuple[int, int]:
    """(lines, try or 0) from words such as `50 try 2`."""
    lowered = [word.lower() for word in words]
    try_number = 0
    if "try" in lowered and (after := lowered[lowered.index("try") + 1 :][:1]) and after[0].isdecimal():
        try_number = int(after[0][:6])
        del lowered[lowered.index("try") : lowered.index("try") + 2]
    wanted = next((int(word[:6]) for word in lowered if word.isdecimal()), LINES)
    return min(max(1, wanted), MOST_LINES), try_number


def alert_log(ask: Ask, seen: View) -> Message:
    """The log of an alert's latest failure."""
    signal: Signal = seen.incident.exemplar
    airflow = ask.services.airflows.get(signal.deployment)
    if airflow is None or not signal.task_id:
        return replies.trouble(f"{seen.incident.name} is about no task instance, so there is no log.")
    ref = TaskRef(signal.dag_id, signal.run_id, signal.task_id, signal.map_index)
    thread = _Thread(ask, seen.incident.id, LINES)
    return task_log(airflow, ref, LINES, signal.try_number, prefix(ask, airflow), thread)


def task_log(
    airflow: Airflow, ref: TaskRef, wanted: int, try_number: int = 0, where: str = "", thread: _Thread | None = None
) -> Message:
    """The log of a try, by default the newest. `where` is `prod:` if there are several deployments."""
    try:
        with airflow.within(PATIENCE):
            instance = airflow.task_instance(ref)
            if instance is None:
                return replies.trouble(f"{airflow.name} has no {ref.dag_id}.{ref.label} in run {ref.run_id}.")
            try_number = try_number or max(1, instance.try_number)
            log = airflow.log(ref, try_number)
            url = airflow.task_url(ref, try_number)
    except (Temporary, Permanent) as error:
        return replies.trouble(error.message)
    file = thread.file(ref, log, try_number) if thread is not None else ""
    host = instance.hostname if try_number == instance.try_number else ""
    return log_reply.log(ref, log.lines, try_number, url, wanted, tries=max(instance.try_number, try_number),
                          where=where, file=file, host=host)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Thread:
    """Uploads a log that is longer than a message to its alert's thread; without an alert (0) there is no thread."""

    ask: Ask
    incident: int
    wanted: int

    def file(self, ref: TaskRef, log: Log, try_number: int) -> str:
        """A link to the whole log; empty if fewer lines were requested, or Slack did not accept it."""
        place = self._place() if self._is_asked_for(log) else None
        if self.ask.client is None or place is None:
            return ""
        name = f"{ref.dag_id}.{ref.label}-try-{try_number}.log"
        told, remembered = f"{name} {ref.run_id} {len(log.lines)}", self.ask.services.remembered
        before = remembered.get(f"log file/{self.incident}") or {}
        if before.get("told") == told:
            return str(before["url"])  # it was uploaded before
        title = f"{ref.dag_id}.{ref.label}, try {try_number}, for {self.ask.person.name}"
        try:
            url = files.upload(self.ask.client, *place, name, "\n".join(log.lines), title, keep_end=True)
        except (Temporary, Permanent):
            return ""  # the message is the answer, and links to Airflow
        remembered.put(f"log file/{self.incident}", {"told": told, "url": url})
        return url

    def _is_asked_for(self, log: Log) -> bool:
        """Whether the user asked for `file`, or for many lines and there are more than a message shows."""
        tail = sum(len(line) + 1 for line in log.lines[-self.wanted :])
        longer = len(log.lines) > self.wanted or tail > log_reply.ROOM
        return log.found and (self.ask.said("file") or (self.wanted > LINES and longer))

    def _place(self) -> tuple[str, str] | None:
        """The alert's message in Slack: (channel, ts); None if it has none."""
        if not self.incident:
            return None
        return thread_of(self.ask.services, self.incident)
