"""The state of an incident in its message: a stage with its sign and its colour."""

from __future__ import annotations

from enum import StrEnum

from bot.core.incidents.incident import State
from bot.core.incidents.routing import Severity
from bot.core.incidents.view import View
from bot.core.remediation import ACTIVE, Remediation
from bot.core.signals.signal import Family
from bot.slack.alert import action_words


class Stage(StrEnum):
    """The stage that a message shows first."""

    firing = "firing"
    again = "again"
    acknowledged = "acknowledged"
    working = "working"
    silenced = "silenced"
    resolved = "resolved"


_SIGNS = {Stage.again: "🔁", Stage.acknowledged: "👀", Stage.working: "🔧", Stage.silenced: "🔕", Stage.resolved: "✅"}

_COLOURS = {
    Stage.acknowledged: "#0072B2",
    Stage.working: "#0072B2",
    Stage.silenced: "#8A8F98",
    Stage.resolved: "#009E73",
}

_SEVERITY = {
    Severity.critical: ("🚨", "#CC1144"),
    Severity.error: ("🔴", "#D55E00"),
    Severity.warning: ("⚠️", "#E69F00"),
}


def stage(view: View) -> Stage:
    """The stage; the first condition that is true decides."""
    incident, remediation = view.incident, view.remediation
    quiet = incident.silence is not None and view.now < incident.silence.until
    order = (
        (incident.state is State.resolved, Stage.resolved),
        (remediation is not None and remediation.progress in ACTIVE, Stage.working),
        (incident.state is State.acknowledged, Stage.acknowledged),
        (quiet, Stage.silenced),
        (incident.times > 1, Stage.again),
    )
    return next((found for true, found in order if true), Stage.firing)


def sign(view: View) -> str:
    """The emoji of the stage."""
    return _SIGNS.get(stage(view), _SEVERITY[view.incident.severity][0])


def colour(view: View) -> str:
    """The colour of the bar, which shows whether the incident still waits for a person."""
    return _COLOURS.get(stage(view), _SEVERITY[view.incident.severity][1])


def failed_act(view: View) -> Remediation | None:
    """The last remediation if it failed and belongs to the current failure; otherwise None."""
    last, incident = view.remediation, view.incident
    if last is None or incident.state is State.resolved or last.progress not in action_words.FAILED:
        return None
    return last if last.asked_at >= (incident.reopened_at or incident.opened_at) else None


def is_storm(view: View) -> bool:
    """Whether several things failed of one cause. A single thing that fails again is not a storm, even if others failed
    earlier."""
    came_back_alone = view.incident.times > 1 and view.counts.sick == 1
    return view.incident.family is Family.task and view.counts.things > 1 and not came_back_alone
