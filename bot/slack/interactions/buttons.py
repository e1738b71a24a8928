"""The action of each button and menu entry.

A press never calls Airflow and never edits a message; it calls the responder, and the alert shows the result. An
unknown value, for example from before an upgrade, gets an explanation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from bot.core.errors import Refused
from bot.core.incidents.view import View
from bot.core.remediation import Plan
from bot.responder.access import authorization
from bot.responder.actions.clear import plan_retry
from bot.responder.actions.dags import plan_pause
from bot.responder.alerts.views import view_of
from bot.responder.incidents import presses, silences
from bot.responder.remediation import second_person
from bot.responder.remediation.confirm import confirm, narrow, plan_of
from bot.responder.services import Services
from bot.slack.commands import airflow_parts, clear_mark, logs, runs, show
from bot.slack.commands.registry import answer
from bot.slack.commands.request import Ask, place_of, refused
from bot.slack.dialogs import dialogs
from bot.slack.interactions import approvals, failures_file, plan_buttons
from bot.slack.interactions.press import Pressed
from bot.slack.replies import approval, incidents, preview, replies
from bot.slack.text.block_kit import Block, Message

_OLD = "this button is from an older Windsock. `/airflow help` lists verbs."


class Presses:
    """The table of the buttons."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._about_an_alert: Mapping[str, Callable[[Pressed], None]] = {
            "retry": self._retry, "silence": self._silence, "resolve": self._resolve, "runbook": self._runbook,
            "mark-success": self._mark_success, "pause": self._pause, "logs": self._logs, "history": self._history,
            "timeline": self._history, "list": self._list, "tasks": self._tasks, "escalate": self._escalate,
            "list-file": self._list_file,
        } | dict.fromkeys(("acknowledge", "unacknowledge", "reopen"), self._press)  # fmt: skip
        self._others: Mapping[str, Callable[[Pressed], None]] = {
            "confirm": self._confirm, "narrow": self._narrow, "cancel": self._cancel, "unsilence": self._unsilence,
            "check": self._check, "run": self._run, "run-help": self._run, "open": self._run, "status": self._run,
            "help": self._run, "stop": self._stop, "whole-list": self._whole_list,
        } | approvals.presses(services)  # fmt: skip

    def do(self, pressed: Pressed) -> None:
        """Executes the press, or explains that the button no longer exists."""
        verb = re.sub(r"^run-\d+$", "run", pressed.verb)
        if verb in self._about_an_alert and pressed.incident_id:
            self._about_an_alert[verb](pressed)
        elif verb in self._others and pressed.value:
            self._others[verb](pressed)
        else:
            pressed.say(replies.trouble(_OLD))

    def _press(self, pressed: Pressed) -> None:
        """The alert's message shows a successful press; only a refusal is answered."""
        done = presses.press(self._services, pressed.ask.person, pressed.verb, pressed.incident_id)
        if isinstance(done, Refused):
            pressed.say(refused(pressed.ask, done, pressed.verb))

    def _retry(self, pressed: Pressed) -> None:
        self._plan(pressed, "clear", "Retry", lambda: clear_mark.preview(pressed.ask, plan_retry(
            self._services, pressed.ask.person, pressed.incident_id, pressed.ask.channel), "clear"))  # fmt: skip

    def _mark_success(self, pressed: Pressed) -> None:
        self._plan(pressed, "mark", "Mark success", lambda: clear_mark.preview(
            pressed.ask, clear_mark.mark_alert(pressed.ask, pressed.incident_id, "success"), "mark"))  # fmt: skip

    def _pause(self, pressed: Pressed) -> None:
        self._plan(pressed, "pause", "Pause", lambda: self._about(pressed, lambda seen: self._paused(pressed, seen)))

    def _paused(self, pressed: Pressed, seen: View) -> Message:
        dags = [dag for dag, _ in seen.counts.dags if dag]
        planned = plan_pause(self._services, pressed.ask.person, seen.incident.deployment, dags, True,
                                   pressed.ask.channel, seen.incident.id)  # fmt: skip
        return clear_mark.preview(pressed.ask, planned, "pause")

    def _plan(self, pressed: Pressed, verb: str, title: str, draw: Callable[[], Message]) -> None:
        """Answers with a plan. The role is checked before a modal opens; for a message, planning checks it."""
        not_allowed = (
            authorization.may(self._services, pressed.ask.person, verb, pressed.value, pressed.incident_id)
            if pressed.view
            else None
        )
        if not_allowed is not None:
            pressed.say(refused(pressed.ask, not_allowed, verb))
        else:
            pressed.answer(title, draw)

    def _confirm(self, pressed: Pressed) -> None:
        pressed.answer("Confirm", lambda: confirmed(pressed.ask, pressed.value), replace=True)

    def _narrow(self, pressed: Pressed) -> None:
        pressed.answer("Clear", lambda: clear_mark.preview(
            pressed.ask, narrow(self._services, pressed.ask.person, pressed.value), "clear"), replace=True)  # fmt: skip

    def _stop(self, pressed: Pressed) -> None:
        """Requests a stop, and answers the person at once; the message shows it too."""
        pressed.say(plan_buttons.stop(pressed.ask, pressed.value))

    def _whole_list(self, pressed: Pressed) -> None:
        pressed.answer("Whole list", lambda: plan_buttons.whole_list(pressed.ask, pressed.client, pressed.value))

    def _cancel(self, pressed: Pressed) -> None:
        approvals.cancelled(self._services, pressed)

    def _silence(self, pressed: Pressed) -> None:
        self._open(pressed, "silence", lambda seen: dialogs.silence(seen, self._services.clock()))

    def _resolve(self, pressed: Pressed) -> None:
        self._open(pressed, "resolve", dialogs.resolve)

    def _escalate(self, pressed: Pressed) -> None:
        self._open(pressed, "escalate", dialogs.escalate)

    def _runbook(self, pressed: Pressed) -> None:
        self._open(pressed, "", lambda seen: dialogs.runbook(seen, seen.runbook_url))

    def _open(self, pressed: Pressed, verb: str, draw: Callable[[View], Block]) -> None:
        """Opens a modal at once, or refuses if the person's role isn't sufficient."""
        not_allowed = (
            authorization.may(self._services, pressed.ask.person, verb, pressed.value, pressed.incident_id)
            if verb
            else None
        )
        seen = view_of(self._services, pressed.incident_id)
        if not_allowed is not None:
            pressed.say(refused(pressed.ask, not_allowed, verb))
        elif seen is None:
            pressed.say(_no_alert(pressed))
        else:
            pressed.show(draw(seen))

    def _unsilence(self, pressed: Pressed) -> None:
        number = pressed.value.upper().removeprefix("S-")
        if not number.isdecimal():
            pressed.say(replies.trouble(_OLD))
            return
        not_done = silences.unsilence(self._services, pressed.ask.person, int(number))
        if not_done is not None:
            pressed.say(refused(pressed.ask, not_done, "unsilence"))

    def _logs(self, pressed: Pressed) -> None:
        pressed.answer("Logs", lambda: self._about(pressed, lambda seen: logs.alert_log(pressed.ask, seen)))

    def _history(self, pressed: Pressed) -> None:
        pressed.answer("History", lambda: self._about(pressed, incidents.timeline))

    def _list(self, pressed: Pressed) -> None:
        pressed.answer("Failures", lambda: self._about(pressed, lambda seen: show.failures(pressed.ask, seen)))

    def _list_file(self, pressed: Pressed) -> None:
        pressed.answer("Failures", lambda: self._about(
            pressed, lambda seen: failures_file.as_file(pressed.ask, pressed.client, seen)), replace=True)  # fmt: skip

    def _tasks(self, pressed: Pressed) -> None:
        pressed.answer("Tasks", lambda: self._about(pressed, lambda seen: runs.alert_tasks(pressed.ask, seen)))

    def _check(self, pressed: Pressed) -> None:
        pressed.answer("Health", lambda: airflow_parts.health(pressed.ask))

    def _about(self, pressed: Pressed, draw: Callable[[View], Message]) -> Message:
        seen = view_of(self._services, pressed.incident_id)
        return _no_alert(pressed) if seen is None else draw(seen)

    def _run(self, pressed: Pressed) -> None:
        """Runs a command from a button: the corrected one after a typo, or one of App Home's."""
        pressed.answer(pressed.ask.command.verb.capitalize(), lambda: answer(pressed.ask), replace=True)


def confirmed(ask: Ask, plan_id: str) -> Message:
    """Confirms a plan, by a button or a window's submit: what is asked for now, the list as it is now, or why not."""
    old = plan_of(ask.services, plan_id)
    done = confirm(ask.services, ask.person, plan_id)
    if isinstance(done, Refused):
        return refused(ask, done, "confirm")
    if isinstance(done, Plan):
        return preview.moved(old or done, done, ask.services.clock(), place_of(ask, done))
    if isinstance(done, second_person.Held):
        return approval.held(done.plan)
    return replies.asked(done.plan, place_of(ask, done.plan))


def _no_alert(pressed: Pressed) -> Message:
    return replies.trouble(f"There is no alert {pressed.value}.")
