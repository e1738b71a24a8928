"""Wraps every listener: ack, audit, identity. Every command, press and submission becomes a line of the audit.

If Slack delivers something twice because its ack was lost, it is executed once. A line that the responder wrote in its
own transaction isn't written again. If the store doesn't answer, the user still gets an answer, and the failure is
logged. Nothing is accepted from barred accounts.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from inspect import signature
from typing import Any, cast

from slack_bolt import Ack, App

from bot.core.audit import Request
from bot.core.redaction import MASK
from bot.responder.access import audit
from bot.responder.services import Services
from bot.slack.api.client import called
from bot.slack.api.people import People
from bot.slack.commands.registry import find
from bot.slack.dialogs import open_dialogs
from bot.slack.dialogs.trigger_form import PARAM
from bot.slack.interactions import error_replies, owed_answers
from bot.slack.interactions.owed_answers import Owed
from bot.slack.replies import replies

logger = logging.getLogger(__name__)
Body = Mapping[str, Any]
Listener = Callable[..., None]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A person's input: who, which verb, its argument, and the message."""

    user: str
    name: str
    verb: str
    argument: str
    channel: str = ""
    ts: str = ""
    team: str = ""


def heard(app: App, services: Services, people: People, owes: Owed | None = None) -> App:
    """Wraps the app for listeners: every listener is audited and protected from accounts that are not allowed, and
    answers that Slack can't accept are delivered later."""
    return cast(App, _Heard(app, services, people, owes or Owed()))


class _Heard:
    """An app whose commands, presses and submissions are audited; everything else is passed through."""

    def __init__(self, app: App, services: Services, people: People, owes: Owed) -> None:
        self._app, self._services, self._people, self._owes = app, services, people, owes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def command(self, named: Any) -> Callable[[Listener], Any]:
        return lambda listener: self._app.command(named)(self._wrapped(listener, _command))

    def action(self, named: Any) -> Callable[[Listener], Any]:
        return lambda listener: self._app.action(named)(self._wrapped(listener, _action))

    def view(self, named: Any) -> Callable[[Listener], Any]:
        return lambda listener: self._app.view(named)(self._wrapped(listener, _submission))

    def _wrapped(self, listener: Listener, read: Callable[[Body], _Sent | None]) -> Listener:
        """Bolt gives a listener what it has parameters for, and the audit needs what was sent."""
        whole = {"body", "command"} & signature(listener).parameters.keys()
        if not whole:
            raise TypeError(f"{listener.__name__} must take body or command")
        name = "body" if "body" in whole else "command"

        @wraps(listener)
        def listening(**arguments: Any) -> None:
            open_dialogs.standing()  # what this thread left standing before is no concern of this person's
            body = arguments[name]
            sent = read(body)
            with owed_answers.owing(self._owes):
                if sent is None:
                    listener(**arguments)
                else:
                    self._hear(sent, listener, arguments, body)

        return listening

    def _hear(self, sent: _Sent, listener: Listener, arguments: dict[str, Any], body: Body) -> None:
        ack = arguments["ack"]
        try:
            if "view" in arguments:  # a submission's ack may contain errors, so its listener sends it
                arguments["ack"] = partial(self._taken, ack, body)
            else:
                self._taken(ack, body)
            self._do(sent, listener, arguments, body, ack)
        except audit.Again:
            logger.info("Slack delivered %s of %s twice; the second one changes nothing", sent.verb, sent.user)

    def _taken(self, ack: Callable[..., Any], body: Body, **said: Any) -> Any:
        """Acknowledges to Slack. Raises `Again` where it had arrived before: its trigger is new with every press."""
        done, trigger = ack(**said), str(body.get("trigger_id") or "")
        if said or not trigger:
            return done
        audit.arrives(self._services, "slack", trigger)
        return done

    def _do(self, sent: _Sent, listener: Listener, arguments: dict[str, Any], body: Body, ack: Ack) -> None:
        whose = self._people.soon if "view" in arguments else self._people.person  # a submission's ack waits for it
        person = whose(sent.user, sent.name, sent.team)
        link = self._people.link(sent.channel, sent.ts)
        with audit.audited(self._services, person, sent.verb, sent.argument, link) as request:
            if "respond" in arguments:
                whisper = partial(self._whisper, sent)
                arguments["respond"] = _listening(arguments["respond"], request, whisper)
            if not person.barred:
                listener(**arguments)
                return
            refusal = replies.trouble(f"Windsock takes nothing from {person.barred}.")
            error_replies.tell(body, ack, arguments.get("respond"), self._app.client, refusal)

    def _whisper(self, sent: _Sent, said: Body) -> object:
        """Sends an answer that the response_url no longer accepts as an ephemeral message in the channel."""
        if not sent.channel:
            return None
        shown = {name: said[name] for name in ("text", "blocks", "attachments") if name in said}
        return called(self._app.client.chat_postEphemeral, channel=sent.channel, user=sent.user, **shown)


def _listening(respond: Callable[..., Any], request: Request, whisper: Callable[[Body], object]) -> Callable[..., Any]:
    """Respond, that keeps the first words of the answer, and answers later when Slack is away."""

    def said(*args: Any, **arguments: Any) -> Any:
        request.outcome = str(arguments.get("text") or (args[0] if args else ""))
        return owed_answers.said(lambda: respond(*args, **arguments), lambda: whisper(arguments))

    return said


def _command(body: Body) -> _Sent:
    text = str(body.get("text") or "").strip()
    word = text.split(maxsplit=1)[0].lower() if text else "help"
    verb = find(word)
    return _Sent(str(body["user_id"]), str(body.get("user_name", "")), verb.name if verb else word, without_value(text),
                 str(body.get("channel_id", "")), team=str(body.get("team_id") or ""))  # fmt: skip


def without_value(line: str) -> str:
    """A line without the part that may be a variable's value, which is recognised by its position because no pattern
    can. An unknown verb may be a misspelt `variable`."""
    words = line.split()
    verb = find(words[0].lower()) if words else None
    if not words or (verb is not None and verb.name != "variable"):
        return line
    named = verb is not None and len(words) > 1 and words[1].lower() in {"get", "set"}
    kept = 3 if named else 2
    return line if len(words) <= kept else " ".join([*words[:kept], MASK])


def _action(body: Body) -> _Sent | None:
    """A press; None for a pick inside a modal before it is submitted."""
    action = body["actions"][0]
    verb, value = str(action.get("action_id", "")), str(action.get("value") or "")
    if action.get("type") not in {"button", "overflow"}:
        return None
    if "selected_option" in action:
        verb, _, value = str((action["selected_option"] or {}).get("value", "")).partition(":")
    if re.fullmatch(r"run(-\d+)?", verb):  # its value is a command
        value = without_value(value)
    user, container = body["user"], body.get("container") or {}
    ts = (body.get("message") or {}).get("ts") or container.get("message_ts") or ""
    channel = (body.get("channel") or {}).get("id", "")
    return _Sent(str(user["id"]), str(user.get("name", "")), verb, value, str(channel), str(ts), _team(user))


def _submission(body: Body) -> _Sent | None:
    """A submitted modal; None for one that was closed."""
    if body.get("type") != "view_submission":
        return None
    view, user = body.get("view") or {}, body["user"]
    about = f"{view.get('private_metadata') or ''} {_filled_in(view)}".strip()
    return _Sent(str(user["id"]), str(user.get("name", "")), str(view.get("callback_id", "")), about, team=_team(user))


def _team(user: Body) -> str:
    """The sender's workspace according to the request."""
    return str(user.get("team_id") or "")


def _filled_in(view: Body) -> str:
    """The input by block; the audit redacts it. Params are left out: their block ids don't contain their names, so a
    value may be a secret that no pattern recognises."""
    found = []
    for block_id, elements in ((view.get("state") or {}).get("values") or {}).items():
        if block_id.startswith(PARAM):
            continue
        for element in elements.values():
            chosen = (element.get("selected_option") or {}).get("value")
            if value := element.get("value") or chosen:
                found.append(f"{block_id}={value}")
    return " ".join(found)
