"""What a verb is given, and what every verb needs first: what did the person point at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.core.access import Person, Role
from bot.core.errors import Refused
from bot.core.view import View
from bot.responder import find
from bot.responder.desk import Desk
from bot.responder.look import view_of
from bot.slack import answers, grammar
from bot.slack.kit import Message
from bot.slack.people import People


@dataclass(frozen=True, slots=True)
class Ask:
    """One command of one person in one channel."""

    desk: Desk
    person: Person
    people: People
    command: grammar.Command
    channel: str

    @property
    def words(self) -> tuple[str, ...]:
        return self.command.words

    def said(self, *options: str) -> bool:
        """Whether one of these options was given, as a word or as a flag."""
        given = {word.lower() for word in self.words} | self.command.flags
        return any(option in given for option in options)


@dataclass(frozen=True, slots=True)
class Verb:
    """`usage` is what follows the verb, `sentence` what it does in a few words; `group` is its heading in the help, empty
    for one that the help only names."""

    name: str
    usage: str
    sentence: str
    run: Callable[[Ask], Message]
    group: str = ""
    aliases: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


def missing(ask: Ask, what: str) -> Message:
    """A word that the verb cannot do without."""
    return answers.trouble(
        f"Nothing was changed: `{ask.command.verb}` needs {what}; `help {ask.command.verb}` shows how."
    )


def refused(ask: Ask, refusal: Refused, verb: str) -> Message:
    """A refusal that says who could, where a role is missing."""
    holders = _holders(ask, refusal)
    return answers.refusal(refusal, verb, holders)


def _holders(ask: Ask, refusal: Refused) -> list[str]:
    if refusal.remedy not in Role.__members__:
        return []
    return ask.people.names(ask.desk.access.holders(Role[refusal.remedy]))


def incident_view(ask: Ask, word: str) -> View | Refused:
    """The alert that a word names."""
    ref = grammar.ref(word)
    if isinstance(ref, Refused):
        return ref
    if ref.incident is None:
        return Refused(f"`{word[:60]}` is no alert; alerts look like A-12.", "open")
    return view_of(ask.desk, ref.incident) or Refused(f"There is no alert A-{ref.incident}.", "open")


def target(ask: Ask, ref: grammar.Ref, *, needs_run: bool = False) -> find.Target | Refused:
    """What a REF means in Airflow. An alert stands for its latest task instance."""
    if ref.incident is None:
        return find.find(ask.desk, ref.name, deployment=_deployment(ask, ref), task=ref.task, map_index=ref.map_index,
                         run=ref.run, needs_run=needs_run)  # fmt: skip
    seen = view_of(ask.desk, ref.incident)
    if seen is None:
        return Refused(f"There is no alert A-{ref.incident}.", "open")
    signal = seen.incident.exemplar
    if not signal.dag_id:
        return Refused(f"A-{ref.incident} is about no DAG.", f"runbook A-{ref.incident}")
    return find.find(
        ask.desk, signal.dag_id, deployment=signal.deployment, task=signal.task_id, run=signal.run_id,
        map_index=signal.map_index if signal.map_index >= 0 else None, needs_run=needs_run,
    )  # fmt: skip


def _deployment(ask: Ask, ref: grammar.Ref) -> str:
    """A pasted link names its deployment by its host."""
    if ref.deployment or not ref.host:
        return ref.deployment
    fitting = [name for name, airflow in ask.desk.airflows.items() if f"//{ref.host}" in airflow.ui_url]
    return fitting[0] if fitting else ref.host
