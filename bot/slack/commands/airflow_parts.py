"""`health`, `zombies`, `jobs`, `pools`, `import-errors`, `oncall`: the state of each Airflow's parts.

All deployments are asked at once, each with its own time limit; one that doesn't answer takes one sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bot.core.airflow.protocol import Airflow
from bot.core.errors import Permanent, Refused, Temporary
from bot.responder.lookups import status
from bot.responder.questions import CheckSeen
from bot.slack.commands.request import Ask, chosen, each, refused
from bot.slack.replies import airflow_parts, history, replies
from bot.slack.replies import status as status_reply
from bot.slack.text.block_kit import Message

ZOMBIES = "stale-heartbeats"
T = TypeVar("T")


def health(ask: Ask) -> Message:
    """Everything, or one check, run now."""
    named = [word.lower() for word in ask.words if word.rstrip(":") not in ask.services.airflows]
    return check(ask, named[0]) if named else status_reply.health(status.status(ask.services))


def zombies(ask: Ask) -> Message:
    """Task instances that run without a heartbeat."""
    return check(ask, ZOMBIES)


def check(ask: Ask, name: str) -> Message:
    """Runs one check now for every deployment that has a metastore; the others say what they lack."""
    found = chosen(ask)
    if isinstance(found, Refused):
        return refused(ask, found, "health")
    known = sorted({each_name for one in ask.services.examine.values() for each_name in one.names()})
    if name not in known and known:
        there = ", ".join(f"`{one}`" for one in known)
        return refused(ask, Refused(f"There is no check `{name[:60]}`; there are {there}.", "health"), "health")
    told = each(found, lambda airflow: _asked(ask, airflow, name))
    return history.check([(airflow.name, one) for airflow, one in zip(found, told, strict=True)], name)


def _asked(ask: Ask, airflow: Airflow, name: str) -> CheckSeen:
    """Runs the check for one deployment. Raises Permanent if it has no metastore, or the check is for another one."""
    one = ask.services.examine.get(airflow.name)
    if one is not None:
        seen = one.ask(name)
        if seen is None:
            raise Permanent(f"the check {name} is not configured for this deployment", "no-check")
        return seen
    variable = f"WINDSOCK_AIRFLOW__{airflow.name.upper()}__METASTORE_URL"
    raise Permanent(f"the checks need the metastore, and {variable} is not set", "no-metastore")


def import_errors(ask: Ask) -> Message:
    return _everywhere(ask, lambda airflow: airflow.import_errors(), airflow_parts.import_errors)


def pools(ask: Ask) -> Message:
    return _everywhere(ask, lambda airflow: airflow.pools(), airflow_parts.pools)


def jobs(ask: Ask) -> Message:
    now = ask.services.clock()
    return _everywhere(ask, lambda airflow: airflow.jobs(), lambda told: airflow_parts.jobs(told, now))


def _everywhere(
    ask: Ask, question: Callable[[Airflow], list[T]], draw: Callable[[list[tuple[str, list[T] | str]]], Message]
) -> Message:
    found = chosen(ask)
    if isinstance(found, Refused):
        return refused(ask, found, ask.command.verb)
    told = each(found, question)
    return draw([(airflow.name, one) for airflow, one in zip(found, told, strict=True)])


def on_call(ask: Ask) -> Message:
    """The people whom PagerDuty would page."""
    if ask.services.on_call is None:
        return history.no_on_call()
    try:
        return history.on_call(ask.services.on_call(), ask.services.clock())
    except (Temporary, Permanent) as error:
        return replies.trouble(error.message)
