"""Decides where a signal belongs: what it is grouped with, where it is shown, and whether it is silenced.

The running bot and `config --explain` call the same two functions, so they can't disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core.access import About
from bot.core.incidents.incident import Incident
from bot.core.incidents.maintenance import covering
from bot.core.incidents.routing import Placement, Severity, Silence, route
from bot.core.incidents.runbook import guiding
from bot.core.signals.signal import Family, Signal, thing_key
from bot.core.signals.signature import Signature, sign
from bot.responder.services import Services


def quiet(
    services: Services, silences: Sequence[Silence], signal: Signal, signature: str, severity: Severity, now: datetime
) -> Silence | None:
    """The silence that covers a signal: a person's first, then an open maintenance window's. A person's silence covers
    nothing worse than what they had in view, and no DAG that they were not allowed to silence."""
    for one in silences:
        if one.covers(signal, signature, now, severity) and _was_theirs(services, one, signal):
            return one
    return covering(services.maintenance, signal, signature, now)


def _was_theirs(services: Services, silence: Silence, signal: Signal) -> bool:
    about = About(signal.deployment, {signal.dag_id: signal.tags} if signal.dag_id else {})
    return services.access.needed("silence", about) <= silence.role


def place(services: Services, signal: Signal) -> tuple[Signature, Placement]:
    """What a failing signal is grouped with and where it is shown. There is no page time if no page can be sent."""
    signature = _sign(signal)
    placement = route(signal, signature.name, services.policy, guiding(services.runbooks, signal))
    return signature, placement if services.pages else replace(placement, page_after=None)


def page_after(services: Services, incident: Incident) -> timedelta | None:
    """How long to wait before paging, as if the incident had just failed; None: no page. It may be critical because of
    an earlier failure than the latest."""
    placement = place(services, incident.exemplar)[1]
    worse = incident.severity is Severity.critical and placement.severity is not Severity.critical
    return timedelta(0) if worse and services.pages else placement.page_after


def _sign(signal: Signal) -> Signature:
    if signal.family is Family.task and signal.exception:
        return sign(signal.exception.type, signal.exception.message, signal.exception.traceback)
    return sign(signal.kind, signal.check or signal.exception.type)


def run_thing(signal: Signal) -> str:
    """The thing key of the run that a task's signal belongs to."""
    return thing_key(Family.run, signal.deployment, signal.dag_id, signal.run_id)
