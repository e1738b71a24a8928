"""The state of an incident in its message: a stage with its sign and its colour."""

from __future__ import annotations

from bot.core.incidents.routing import Severity
from bot.core.incidents.view import Stage, View

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


def sign(view: View) -> str:
    """The emoji of the stage."""
    return _SIGNS.get(view.stage, _SEVERITY[view.incident.severity][0])


def colour(view: View) -> str:
    """The colour of the bar, which shows whether the incident still waits for a person."""
    return _COLOURS.get(view.stage, _SEVERITY[view.incident.severity][1])
