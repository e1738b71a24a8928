"""Submitted modals.

The ack comes first and contains errors that a field can show. A submission has no response_url, so a refusal goes to
the alert's channel, as an ephemeral message.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_bolt import Ack, App
from slack_sdk.web import WebClient

from bot.core.dates import duration
from bot.core.errors import Refused
from bot.core.incidents.incident import number_of
from bot.core.incidents.routing import exactly
from bot.core.incidents.view import View
from bot.responder.alerts.views import view_of
from bot.responder.incidents import presses, silences
from bot.responder.services import Services
from bot.slack.api.people import People
from bot.slack.commands import grammar, incidents
from bot.slack.commands.request import Ask, refused
from bot.slack.dialogs import dialogs
from bot.slack.dialogs.open_dialogs import Windows
from bot.slack.interactions.buttons import confirmed
from bot.slack.interactions.press import spoken, whisper

Body = Mapping[str, Any]
_OLD = "Nothing was changed: this window is from an older Windsock; type the command again."


class Submissions:
    """Registers the modals on a Bolt app."""

    def __init__(self, services: Services, people: People, windows: Windows) -> None:
        self._services, self._people, self._windows = services, people, windows

    def register(self, app: App) -> None:
        app.view("silence")(self.on_silence)
        app.view("resolve")(self.on_resolve)
        app.view("escalate")(self.on_escalate)
        app.view("plan")(self.on_plan)

    def on_silence(self, ack: Ack, body: Body, view: Body, client: WebClient) -> None:
        values = _values(view)
        lasts = _lasts(values.get("how-long", ""), self._services.clock())
        if lasts is None:
            ack(response_action="errors", errors={"how-long": "Choose for how long; a silence ends by itself."})
            return
        seen = _view(self._services, view["private_metadata"])
        scope = _scope(values.get("what", ""), seen)
        if seen is not None and not scope:
            ack(response_action="errors", errors={"what": "Choose one of these; the alert has no other."})
            return
        ack()
        ask = self._ask(body, "silence")
        if seen is not None:
            made = silences.silence(
                self._services, ask.person, scope, seen.incident.deployment, lasts, values.get("reason", "")
            )
            if isinstance(made, Refused):
                whisper(self._services, client, seen.incident.id, ask.person, refused(ask, made, "silence"))

    def on_resolve(self, ack: Ack, body: Body, view: Body, client: WebClient) -> None:
        ack()
        self._submitted("resolve", body, view, client, _values(view).get("note", ""))

    def on_escalate(self, ack: Ack, body: Body, view: Body, client: WebClient) -> None:
        ack()
        self._submitted("escalate", body, view, client, _values(view).get("reason", ""))

    def on_plan(self, ack: Ack, body: Body, view: Body) -> None:
        """A preview's submit, the same as its Confirm button. If the list has moved, the modal shows the new one."""
        ask, plan_id = self._ask(body, "confirm"), view["private_metadata"]
        self._windows.answer(ack, "Confirm", lambda: dialogs.window(spoken(lambda: confirmed(ask, plan_id)), "Confirm"))

    def on_unknown(self, ack: Ack, body: Body, view: Body) -> None:  # noqa: ARG002 - what the audit needs
        """A window from before an upgrade."""
        ack(response_action="update", view=dialogs.message("Windsock", _OLD))

    def _submitted(self, verb: str, body: Body, view: Body, client: WebClient, note: str) -> None:
        """Makes the press whose note or reason a modal asked for."""
        seen = _view(self._services, view["private_metadata"])
        ask = self._ask(body, verb)
        if seen is not None:
            done = presses.press(self._services, ask.person, verb, seen.incident.id, note)
            if isinstance(done, Refused):
                whisper(self._services, client, seen.incident.id, ask.person, refused(ask, done, verb))

    def _ask(self, body: Body, verb: str) -> Ask:
        person = self._people.soon(body["user"]["id"], body["user"].get("name", ""), body["user"].get("team_id") or "")
        return Ask(self._services, person, self._people, grammar.parse(verb), "")


def _values(view: Body) -> dict[str, str]:
    """A modal's answers by block id, for every kind of element."""
    found: dict[str, str] = {}
    for block_id, elements in view["state"]["values"].items():
        for element in elements.values():
            chosen = element.get("selected_option") or {}
            found[block_id] = str(element.get("value") or chosen.get("value") or "")
    return found


def _lasts(text: str, now: datetime) -> timedelta | None:
    if text.startswith("until:"):
        try:
            return datetime.fromisoformat(text.removeprefix("until:")).astimezone(UTC) - now
        except ValueError:
            return None
    return duration(text)


def _scope(what: str, seen: View | None) -> str:
    """The scope chosen in a modal, empty if the modal didn't offer it. A name too long for an option's value is not in
    the value, but read from the alert."""
    if seen is None:
        return ""
    kind, colon, _ = what.partition(":")
    if what and what not in dialogs.scopes_of(seen):
        return ""
    if colon:
        return what
    signal = seen.incident.exemplar
    long_ones = {
        "task": f"task:{exactly(f'{signal.dag_id}.{signal.task_id}')}",
        "dag": f"dag:{exactly(signal.dag_id)}",
        "thing": f"thing:{signal.label}",
    }
    return long_ones.get(kind) or incidents.scope_of(seen)


def _view(services: Services, name: str) -> View | None:
    number = number_of(name)
    return None if number is None else view_of(services, number)
