"""The buttons of an alert, by its stage: at most four, then an overflow menu with at most five.

A button that can't work in this stage is left out, and at most one is green: the next step.
"""

from __future__ import annotations

from bot.core.incidents.view import Stage, View
from bot.core.signals.signal import Family
from bot.slack.alert.headline import name
from bot.slack.text.block_kit import Block, actions, button, menu
from bot.slack.text.words import count, cut_middle

_LABELS = {"retry": "Retry", "acknowledge": "Acknowledge", "silence": "Silence", "runbook": "Runbook", "resolve": "Resolve",
           "unacknowledge": "Unacknowledge", "unsilence": "End silence"}  # fmt: skip
_BY_STAGE = {
    Stage.firing: ("retry", "acknowledge", "silence", "runbook"),
    Stage.again: ("retry", "acknowledge", "silence", "runbook"),
    Stage.acknowledged: ("retry", "resolve", "unacknowledge", "runbook"),
    Stage.silenced: ("unsilence", "retry", "acknowledge", "runbook"),
}
_NEXT_STEP = {Stage.firing: ("acknowledge",), Stage.again: ("acknowledge",), Stage.acknowledged: ("retry", "resolve")}


def buttons(view: View) -> Block | None:
    """The row of buttons; None while a remediation is active and when the incident is resolved."""
    current = view.stage
    shown = [verb for verb in _BY_STAGE.get(current, ()) if _possible(view, verb)]
    if not shown:
        return None
    green = next((verb for verb in _NEXT_STEP.get(current, ()) if verb in shown), "")
    return actions("actions", *(_button(view, verb, green) for verb in shown), more(view))


def has_task(view: View) -> bool:
    """Whether there is a task instance that can be looked up in Airflow's API."""
    return view.can_act and view.incident.family is Family.task


def _possible(view: View, verb: str) -> bool:
    if verb == "retry":
        return has_task(view)
    return view.runbook is not None if verb == "runbook" else True


def _button(view: View, verb: str, green: str) -> Block:
    silence, incident = view.incident.silence, view.incident
    label = "Retry all" if verb == "retry" and view.is_storm else _LABELS[verb]
    value = f"S-{silence.id}" if verb == "unsilence" and silence else incident.name
    return button(verb, label, value, style="primary" if verb == green else "", spoken=_spoken(view, verb))


def _spoken(view: View, verb: str) -> str:
    about, incident = cut_middle(name(view), 40), view.incident
    silence = f"S-{incident.silence.id}" if incident.silence else ""
    return {
        "retry": f"Retry {about}, shows the list first",
        "acknowledge": f"Acknowledge {incident.name}, {about}",
        "silence": f"Silence {incident.name}, asks for how long",
        "runbook": f"Open the runbook for {about}",
        "resolve": f"Resolve {incident.name}, asks for a note",
        "unacknowledge": f"Give {incident.name} back",
        "unsilence": f"End silence {silence} now",
    }[verb]


def more(view: View) -> Block | None:
    """The ⋯ menu; each value is `verb:A-12`."""
    offered = {Stage.resolved: _when_over, Stage.working: _when_working}.get(view.stage, _when_open)(view)
    return menu([(label, f"{verb}:{view.incident.name}") for label, verb in offered])


def _when_over(view: View) -> list[tuple[str, str]]:
    book = [("Runbook", "runbook")] if view.runbook else []
    return [("Reopen", "reopen"), ("Timeline", "timeline"), *_logs(view), *book]


def _when_working(view: View) -> list[tuple[str, str]]:
    tasks = [("Tasks", "tasks")] if view.can_act else []
    return [*_pause(view), ("Escalate", "escalate"), *tasks, *_logs(view), ("History", "history")]


def _when_open(view: View) -> list[tuple[str, str]]:
    if view.is_storm:
        every = [(f"All {view.counts.failures} failures", "list")]
        return [*every, *_pause(view), ("Escalate", "escalate"), *_logs(view), ("History", "history")]
    if view.incident.family is Family.task:
        mark = [("Mark success", "mark-success")] if has_task(view) else []
        return [*mark, *_pause(view), ("Escalate", "escalate"), *_logs(view), ("History", "history")]
    return [*_look_again(view), ("Escalate", "escalate"), ("History", "history")]


def _look_again(view: View) -> list[tuple[str, str]]:
    if view.incident.family in {Family.file, Family.check}:
        return [("Check again", "check")]
    return [("Tasks", "tasks")] if view.can_act and view.incident.exemplar.run_id else []


def _pause(view: View) -> list[tuple[str, str]]:
    if not has_task(view):
        return []
    dags = len(view.counts.dags)
    return [(f"Pause {count(dags, 'DAG')}" if view.is_storm and dags > 1 else "Pause DAG", "pause")]


def _logs(view: View) -> list[tuple[str, str]]:
    return [("Logs", "logs")] if has_task(view) else []
