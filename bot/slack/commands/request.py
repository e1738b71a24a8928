"""A command with its context, and what every command needs first: the target of its REF, and the deployment.

A name is looked up in the deployment that the user names, otherwise in that of the alert, the link or the channel,
otherwise in the first by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from slack_sdk.web import WebClient

from bot.core.access import Person
from bot.core.airflow.protocol import Airflow
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.incidents.view import View
from bot.core.remediation import Plan
from bot.responder.alerts.views import view_of
from bot.responder.lookups import find
from bot.responder.services import Services
from bot.slack.api.people import People
from bot.slack.commands import corrections, grammar, links
from bot.slack.commands.links import host_of
from bot.slack.replies import replies
from bot.slack.text.block_kit import Message

PATIENCE = 15.0  # seconds that a person waits for an answer after the ack
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """One command of one person in one channel."""

    services: Services
    person: Person
    people: People
    command: grammar.Command
    channel: str  # its id
    channel_name: str = ""  # as Slack sends it; "privategroup" for every private one
    client: WebClient | None = None  # for a file in a thread

    @property
    def several(self) -> bool:
        """Whether an answer must name its deployment."""
        return len(self.services.airflows) > 1

    @property
    def words(self) -> tuple[str, ...]:
        return self.command.words

    def said(self, *options: str) -> bool:
        """Whether one of these options was given, as a word or as a flag."""
        given = {word.lower() for word in self.words} | self.command.flags
        return any(option in given for option in options)


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb. `usage` are its arguments, `sentence` a short description; `group` is its heading in the help, empty
    for a verb that the help only names."""

    name: str
    usage: str
    sentence: str
    run: Callable[[Ask], Message]
    group: str = ""
    aliases: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


def missing(ask: Ask, what: str) -> Message:
    """The reply for a missing argument."""
    return replies.trouble(f"`{ask.command.verb}` needs {what}; `help {ask.command.verb}` shows how.")


def refused(ask: Ask, refusal: Refused, verb: str) -> Message:
    """The reply to a refusal. It names the people with the missing role, or shows the choices if the command is
    ambiguous."""
    shown = corrections.of(refusal, ask.command)
    if shown is not None:
        return shown
    if refusal.missing is None:
        return replies.refusal(refusal, verb)
    who = refusal.who or ask.services.access.holders(refusal.missing)
    return replies.refusal(refusal, verb, ask.people.names(who), ask.people.handles(who))


def incident_view(ask: Ask, word: str) -> View | Refused:
    """The alert that a word names."""
    ref = grammar.ref(word)
    if isinstance(ref, Refused):
        return ref
    if ref.incident is None:
        return Refused(f"`{word[:60]}` isn't an alert; alerts look like A-12.", "open")
    return (
        not_there(ask, ref)
        or view_of(ask.services, ref.incident)
        or Refused(f"There is no alert A-{ref.incident}.", "open")
    )


def target(ask: Ask, ref: links.Ref, *, needs_run: bool = False) -> find.Target | Refused:
    """The target of a REF in Airflow. An alert stands for its latest task instance."""
    if ref.incident is None:
        place = _place(ask, ref)
        if isinstance(place, Refused):
            return place
        name = f"{ref.name}/" if ref.host and not ref.task else ref.name  # a link names the DAG unambiguously
        return find.find(ask.services, name, deployment=place, task=ref.task, map_index=ref.map_index,
                         run=ref.run, needs_run=needs_run)  # fmt: skip
    seen = not_there(ask, ref) or view_of(ask.services, ref.incident)
    if seen is None:
        return Refused(f"There is no alert A-{ref.incident}.", "open")
    if isinstance(seen, Refused):
        return seen
    signal = seen.incident.exemplar
    if not signal.dag_id:
        return Refused(f"A-{ref.incident} is about no DAG.", f"runbook A-{ref.incident}")
    return find.find(
        ask.services, signal.dag_id, deployment=signal.deployment, task=signal.task_id, run=signal.run_id,
        map_index=signal.map_index if signal.map_index >= 0 else None, needs_run=needs_run,
    )  # fmt: skip


def not_there(ask: Ask, ref: links.Ref) -> Refused | None:
    """Refuses `prod:A-12` if A-12 is an alert of another deployment, because it is unclear which one was meant."""
    if ref.incident is None or not ref.deployment:
        return None
    if ref.deployment not in ask.services.airflows:
        return Refused(f"There is no deployment `{ref.deployment}`; there is: {', '.join(sorted(ask.services.airflows))}.",
                       "status")  # fmt: skip
    seen = view_of(ask.services, ref.incident)
    if seen is None or seen.incident.deployment == ref.deployment:
        return None
    return Refused(f"A-{ref.incident} is an alert of `{seen.incident.deployment}`, not of `{ref.deployment}`.", "open")


def _place(ask: Ask, ref: links.Ref) -> str | Refused:
    """The deployment that is named, or that a pasted link points to; otherwise the channel's."""
    if not ref.host:
        return ref.deployment or channel_deployment(ask)
    fitting = linked(ask.services.airflows.values(), ref)
    if ref.deployment in fitting or (len(fitting) == 1 and not ref.deployment):
        return ref.deployment or fitting[0]
    host = f"`{ref.host[:100]}`"
    if fitting and ref.deployment:
        return Refused(f"{host} is the Airflow of {', '.join(fitting)}, not of `{ref.deployment}`.", "status")
    if fitting:
        return Refused(f"{host} is the Airflow of {', '.join(fitting)}; put the one that you mean in front of the link: "
                       f"`{fitting[0]}:https://…`", "status")  # fmt: skip
    ours = ", ".join(f"`{host_of(airflow.ui_url)}` ({name})" for name, airflow in sorted(ask.services.airflows.items()))
    return Refused(
        f"{host} isn't one of our Airflows. Known: {ours}." if ours else "No Airflow is configured.", "status"
    )


def linked(airflows: Iterable[Airflow], ref: links.Ref) -> list[str]:
    """The deployments that a link may belong to, by the host of their `ui_url` or `url`. If several share a host
    (`/prod`, `/stage`), those whose path the link has."""
    fitting: dict[str, int] = {}
    for airflow in airflows:
        for address in (airflow.ui_url, airflow.url):
            base = [part for part in urlsplit(address).path.split("/") if part]
            if host_of(address) == ref.host and ref.path.split("/")[: len(base)] == base:
                fitting[airflow.name] = max(fitting.get(airflow.name, 0), len(base))
    return sorted(name for name, length in fitting.items() if length == max(fitting.values()))


def channel_deployment(ask: Ask) -> str:
    """The channel's deployment, empty if the settings name none."""
    mine = ask.services.channel_deployments
    return mine.get(ask.channel_name.lstrip("#"), "") or mine.get(ask.channel, "")


def chosen(ask: Ask) -> list[Airflow] | Refused:
    """The deployments for a list: the one that a word names (`prod` or `prod:`), otherwise the channel's, otherwise
    all."""
    airflows = ask.services.airflows
    if not airflows:
        return Refused("No Airflow is configured.", "status")
    names = [word.rstrip(":") for word in ask.words if word.rstrip(":") in airflows]
    name = names[0] if names else channel_deployment(ask)
    return [airflows[name]] if name in airflows else [airflows[each] for each in sorted(airflows)]


def each(airflows: Sequence[Airflow], question: Callable[[Airflow], T], seconds: float = PATIENCE) -> list[T | str]:
    """Asks all of them at once, each with its own time limit. Returns the answers in order; an error sentence for each
    one that failed."""

    def ask_one(airflow: Airflow) -> T | str:
        try:
            with airflow.within(seconds):
                return question(airflow)
        except (Temporary, Permanent) as error:
            return error.message

    with ThreadPoolExecutor(max_workers=max(1, min(8, len(airflows)))) as pool:
        return list(pool.map(ask_one, airflows))


def prefix(ask: Ask, airflow: Airflow) -> str:
    """The prefix `prod:` for a REF if there are several deployments."""
    return f"{airflow.name}:" if ask.several else ""


def place_of(ask: Ask, plan: Plan) -> str:
    """The deployment that a plan changes, if there are several; otherwise empty."""
    return plan.deployment if ask.several else ""


def pointed(ask: Ask, what: str, *, needs_run: bool = False) -> find.Target | Refused:
    """The target of the first word; Refused if there is no word."""
    if not ask.words:
        return Refused(f"`{ask.command.verb}` needs {what}.", f"help {ask.command.verb}")
    ref = grammar.ref(ask.words[0])
    return ref if isinstance(ref, Refused) else target(ask, ref, needs_run=needs_run)


def named_place(ask: Ask, word: str) -> tuple[Airflow | None, str]:
    """The deployment and the key of `prod:KEY`. A key may contain colons, so only the name of a deployment counts as a
    prefix."""
    name, colon, rest = word.partition(":")
    if colon and rest and name in ask.services.airflows:
        return ask.services.airflows[name], rest
    default = channel_deployment(ask) or find.default_deployment(ask.services)
    return ask.services.airflows.get(default), word
