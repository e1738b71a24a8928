"""Listeners: what Slack sends becomes a verb of the responder, and its answer goes back to the person.

Hard cases: the ack is due within three seconds (it comes first, always; a modal is opened at once, since its trigger
dies as fast); a button of a message from before an upgrade (an unknown one is answered, not ignored). Rule: a
listener never calls Airflow and never edits a message; it asks the responder.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk.web import WebClient

from bot.core.action import Plan
from bot.core.errors import Permanent, Refused, Temporary
from bot.core.view import View
from bot.responder import plan as plans
from bot.responder import press as presses
from bot.responder.desk import Desk
from bot.responder.look import view_of
from bot.slack import answers, grammar, modals
from bot.slack.calls import called
from bot.slack.kit import Block, Message
from bot.slack.limits import fit, fit_view
from bot.slack.people import People
from bot.slack.submissions import Submissions, whisper
from bot.slack.verbs import act, look
from bot.slack.verbs.ask import Ask, refused
from bot.slack.verbs.registry import answer
from bot.store import remediations

logger = logging.getLogger(__name__)
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pressed:
    """One press of a button or a menu: the verb, its value, who, and where the answer goes."""

    verb: str
    value: str
    ask: Ask
    body: Body
    respond: Respond
    client: WebClient

    @property
    def incident_id(self) -> int:
        """The alert that the value names, 0 when it names none."""
        number = self.value.upper().removeprefix("A-")
        return int(number) if number.isdecimal() else 0

    def say(self, message: Message, *, replace: bool = False) -> None:
        """Answers the person alone; `replace` puts the answer where the question stood. A press inside a modal brings no
        address to answer to: then the answer goes to the channel of the alert."""
        if self.body.get("response_url") or not self.incident_id:
            self.respond(response_type="ephemeral", replace_original=replace, **fit(message))
        else:
            whisper(self.ask.desk, self.client, self.incident_id, self.ask.person, message)


class Listeners:
    """Registers everything on a Bolt app."""

    def __init__(self, desk: Desk, people: People) -> None:
        self._desk, self._people = desk, people
        self._presses: Mapping[str, Callable[[Pressed], None]] = {
            "retry": self._retry, "confirm": self._confirm, "narrow": self._narrow, "cancel": self._cancel,
            "silence": self._silence, "unsilence": self._unsilence, "resolve": self._resolve, "runbook": self._runbook,
            "mark-success": self._mark_success, "pause": self._pause, "logs": self._logs, "history": self._history,
            "timeline": self._history, "list": self._list, "tasks": self._tasks, "check": self._check, "run": self._run,
            "run-help": self._run,
            "escalate": self._escalate,
        } | dict.fromkeys(("acknowledge", "unacknowledge", "reopen"), self._press)  # fmt: skip

    def register(self, app: App, command: str) -> None:
        app.command(command)(self.on_command)
        app.action(re.compile(".*"))(self.on_action)
        Submissions(self._desk, self._people).register(app)

    def on_command(self, ack: Ack, command: Body, respond: Respond) -> None:
        ack()
        ask = self._ask(
            command["user_id"], command.get("user_name", ""), command["channel_id"], command.get("text") or ""
        )
        respond(response_type="ephemeral", **fit(_spoken(lambda: answer(ask))))

    def on_action(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        ack()
        action = body["actions"][0]
        verb, value = action["action_id"], str(action.get("value") or "")
        if "selected_option" in action:  # a menu: the option's value says the verb and what it is about
            verb, _, value = str((action["selected_option"] or {}).get("value", "")).partition(":")
        channel = (body.get("channel") or {}).get("id", "")
        ask = self._ask(body["user"]["id"], body["user"].get("name", ""), channel, value)
        pressed = Pressed(verb, value, ask, body, respond, client)
        self._presses.get(re.sub(r"^run-\d+$", "run", verb), _unknown)(pressed)

    def _ask(self, user_id: str, user_name: str, channel: str, text: str) -> Ask:
        return Ask(self._desk, self._people.person(user_id, user_name), self._people, grammar.parse(text), channel)

    def _press(self, pressed: Pressed) -> None:
        """The message itself shows a press that was done; only a refusal is answered."""
        done = presses.press(self._desk, pressed.ask.person, pressed.verb, pressed.incident_id)
        if isinstance(done, Refused):
            pressed.say(refused(pressed.ask, done, pressed.verb))

    def _retry(self, pressed: Pressed) -> None:
        planned = plans.plan_retry(self._desk, pressed.ask.person, pressed.incident_id, pressed.ask.channel)
        pressed.say(act.preview(pressed.ask, planned, "clear"))

    def _confirm(self, pressed: Pressed) -> None:
        with self._desk.store.read() as t:
            old = remediations.plan(t, pressed.value)
        done = plans.confirm(self._desk, pressed.ask.person, pressed.value)
        if isinstance(done, Refused):
            pressed.say(refused(pressed.ask, done, "confirm"), replace=True)
        elif isinstance(done, Plan):
            pressed.say(answers.moved(old[0] if old else done, done, self._desk.clock()), replace=True)
        else:
            pressed.say(answers.asked(done.plan), replace=True)

    def _narrow(self, pressed: Pressed) -> None:
        planned = plans.narrow(self._desk, pressed.ask.person, pressed.value)
        pressed.say(act.preview(pressed.ask, planned, "clear"), replace=True)

    def _cancel(self, pressed: Pressed) -> None:
        pressed.say(answers.cancelled(), replace=True)

    def _silence(self, pressed: Pressed) -> None:
        self._open(pressed, "silence", lambda seen: modals.silence(seen, self._desk.clock()))

    def _resolve(self, pressed: Pressed) -> None:
        self._open(pressed, "resolve", modals.resolve)

    def _escalate(self, pressed: Pressed) -> None:
        self._open(pressed, "escalate", modals.escalate)

    def _runbook(self, pressed: Pressed) -> None:
        self._open(pressed, "", lambda seen: modals.runbook(seen, seen.runbook_url))

    def _open(self, pressed: Pressed, verb: str, draw: Callable[[View], Block]) -> None:
        """Opens a modal at once; whoever may not is told so instead."""
        not_allowed = plans.may(self._desk, pressed.ask.person, verb, pressed.value) if verb else None
        seen = view_of(self._desk, pressed.incident_id)
        if not_allowed is not None:
            pressed.say(refused(pressed.ask, not_allowed, verb))
        elif seen is None:
            pressed.say(answers.trouble(f"There is no alert {pressed.value}."))
        else:
            try:
                called(pressed.client.views_open, trigger_id=pressed.body["trigger_id"], view=fit_view(draw(seen)))
            except (Temporary, Permanent) as error:
                pressed.say(answers.trouble(f"Nothing was changed: the window could not be opened. {error.message}"))

    def _unsilence(self, pressed: Pressed) -> None:
        number = pressed.value.upper().removeprefix("S-")
        not_done = presses.unsilence(self._desk, pressed.ask.person, int(number)) if number.isdecimal() else None
        if not_done is not None:
            pressed.say(refused(pressed.ask, not_done, "unsilence"))

    def _mark_success(self, pressed: Pressed) -> None:
        pressed.say(act.preview(pressed.ask, act.mark_alert(pressed.ask, pressed.incident_id, "success"), "mark"))

    def _pause(self, pressed: Pressed) -> None:
        seen = view_of(self._desk, pressed.incident_id)
        if seen is None:
            pressed.say(answers.trouble(f"There is no alert {pressed.value}."))
            return
        dags = [dag for dag, _ in seen.counts.dags if dag]
        planned = plans.plan_pause(self._desk, pressed.ask.person, seen.incident.deployment, dags, True,
                                   pressed.ask.channel, seen.incident.id)  # fmt: skip
        pressed.say(act.preview(pressed.ask, planned, "pause"))

    def _logs(self, pressed: Pressed) -> None:
        self._about(pressed, lambda seen: look.alert_log(pressed.ask, seen))

    def _history(self, pressed: Pressed) -> None:
        self._about(pressed, answers.timeline)

    def _list(self, pressed: Pressed) -> None:
        self._about(pressed, lambda seen: look.failures(pressed.ask, seen))

    def _tasks(self, pressed: Pressed) -> None:
        self._about(pressed, lambda seen: look.alert_tasks(pressed.ask, seen))

    def _check(self, pressed: Pressed) -> None:
        pressed.say(look.health(pressed.ask))

    def _about(self, pressed: Pressed, draw: Callable[[View], Message]) -> None:
        seen = view_of(self._desk, pressed.incident_id)
        pressed.say(
            answers.trouble(f"There is no alert {pressed.value}.") if seen is None else _spoken(lambda: draw(seen))
        )

    def _run(self, pressed: Pressed) -> None:
        """The corrected command of a typo."""
        pressed.say(_spoken(lambda: answer(pressed.ask)), replace=True)


def _unknown(pressed: Pressed) -> None:
    pressed.say(
        answers.trouble("Nothing was changed: this button is from an older Windsock. `/airflow help` lists verbs.")
    )


def _spoken(draw: Callable[[], Message]) -> Message:
    """Trouble while an answer was made is an answer too."""
    try:
        return draw()
    except (Temporary, Permanent) as error:
        return answers.trouble(f"Nothing was changed: {error.message}")
