"""Gathers what one person's App Home shows.

The deployments' state is asked for separately, with a time limit, and shown as last known, so an Airflow that hangs
delays no one's Home. A viewer is offered no actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from bot.core.access import About, Person, Yes
from bot.core.airflow.protocol import Airflow
from bot.core.audit import Line
from bot.core.errors import Permanent, Temporary
from bot.core.incidents.incident import State
from bot.core.incidents.routing import Silence
from bot.core.incidents.view import View
from bot.core.remediation import Remediation
from bot.core.roles import Role
from bot.responder.access.authorization import decide
from bot.responder.alerts.views import open_views
from bot.responder.services import Services
from bot.store import remediations as mine
from bot.store.silences import active_silences

WITHIN = 2.0
DEEDS = 5
PRESSES = frozenset({"acknowledge", "unacknowledge", "resolve", "reopen", "silence", "unsilence", "escalate"})


@dataclass(frozen=True, slots=True)
class DeploymentHealth:
    """One deployment's state: `trouble` is a sentence if it does not answer, `silent` names parts without heartbeat."""

    deployment: str
    trouble: str = ""
    silent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Everything:
    """What is the same on every Home, read once a round."""

    views: Sequence[View]
    silences: Sequence[Silence]
    now: datetime


@dataclass(frozen=True, slots=True)
class Home:
    """What one person sees. `may` holds the verbs that they may press here; `roles` are by deployment."""

    needing: Sequence[View]
    mine: Sequence[View]
    others: int
    silences: Sequence[Silence]
    remediations: Sequence[Remediation]
    presses: Sequence[Line]
    roles: Sequence[tuple[str, Role]]
    may: frozenset[str]
    now: datetime


def everything(services: Services) -> Everything:
    with services.store.read() as t:
        silences = active_silences(t, services.clock())
    return Everything(open_views(services), silences, services.clock())


def home(services: Services, person: Person, seen: Everything) -> Home:
    """Builds one person's Home from what all Homes share and what the person did."""
    held = [view for view in seen.views if view.incident.holder and view.incident.state is State.acknowledged]
    own = [view for view in held if view.incident.holder and view.incident.holder.id == person.id]
    quiet = [view for view in seen.views if view.incident.silence and seen.now < view.incident.silence.until]
    needing = [view for view in seen.views if view not in held and view not in quiet]
    with services.store.read() as t:
        remediations = mine.remediations_of(t, person.id, DEEDS)
        presses = mine.presses_of(t, person.id, PRESSES, DEEDS)
    deployments = sorted(services.airflows) or [""]
    abouts = [About(name) if name else About() for name in deployments]
    may = {verb for verb in ("acknowledge", "clear", "resolve", "unsilence")
           if any(isinstance(decide(services, person, verb, about), Yes) for about in abouts)}  # fmt: skip
    roles = [(name, services.access.role_of(person, name)) for name in deployments]
    return Home(
        needing, own, len(held) - len(own), seen.silences, remediations, presses, roles, frozenset(may), seen.now
    )


def beats(services: Services) -> list[DeploymentHealth]:
    """Asks every deployment at once, each with its own time limit."""
    airflows = [services.airflows[name] for name in sorted(services.airflows)]
    with ThreadPoolExecutor(max_workers=max(1, min(8, len(airflows)))) as pool:
        return list(pool.map(_beat, airflows))


def _beat(airflow: Airflow) -> DeploymentHealth:
    try:
        with airflow.within(WITHIN):
            health = airflow.health()
    except (Temporary, Permanent) as error:
        return DeploymentHealth(airflow.name, error.message)
    return DeploymentHealth(
        airflow.name, silent=tuple(part.name for part in health.components if part.healthy is False)
    )
