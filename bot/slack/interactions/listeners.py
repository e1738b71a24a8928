"""Registers the listeners: input from Slack becomes a call to the responder, and its answer goes back to the user.

The ack is due within three seconds, so it comes first; a modal opens before anything is asked, because its trigger
expires as fast. A listener never calls Airflow and never edits a message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk.web import WebClient

from bot.responder.services import Services
from bot.slack.api.people import People
from bot.slack.commands import grammar
from bot.slack.commands.registry import answer
from bot.slack.commands.request import Ask
from bot.slack.dialogs.open_dialogs import Windows
from bot.slack.home.publisher import Homes
from bot.slack.interactions import error_replies
from bot.slack.interactions.buttons import Presses
from bot.slack.interactions.picker import Choosing
from bot.slack.interactions.press import Pressed, spoken
from bot.slack.interactions.submissions import Submissions
from bot.slack.text.limits import fit

Body = Mapping[str, Any]


class Listeners:
    """Registers all listeners on a Bolt app. `homes` keeps App Home up to date; `app` schedules its rounds."""

    def __init__(self, services: Services, people: People, client: WebClient) -> None:
        self._services, self._people, self._client = services, people, client
        self._windows = Windows(client)
        self._presses = Presses(services)
        self._choosing = Choosing(services, people, self._windows)
        self.homes = Homes(services, people, client)

    def register(self, app: App, command: str) -> None:
        app.error(error_replies.on_error)
        app.command(command)(self.on_command)
        app.action(re.compile(".*"))(self.on_action)
        submissions = Submissions(self._services, self._people, self._windows)
        submissions.register(app)
        self._choosing.register(app)
        self.homes.register(app)
        app.view(re.compile(".*"))(submissions.on_unknown)  # last, because Bolt takes the first match

    def on_command(self, ack: Ack, command: Body, respond: Respond) -> None:
        ack()
        ask = self._ask(
            command["user_id"], command.get("user_name", ""), command["channel_id"], command.get("text") or "",
            command.get("channel_name", ""),
        )  # fmt: skip
        said = (
            self._choosing.open(ask, command["trigger_id"])
            if self._choosing.wants(ask)
            else spoken(lambda: answer(ask))
        )
        if said is not None:
            respond(response_type="ephemeral", **fit(said))

    def on_action(self, ack: Ack, body: Body, respond: Respond, client: WebClient) -> None:
        ack()
        action = body["actions"][0]
        if self._choosing.owns(body):
            self._choosing.on_pick(body, action)
            return
        verb, value = action["action_id"], str(action.get("value") or "")
        if "selected_option" in action:  # a menu: the option's value is `verb:subject`
            verb, _, value = str((action["selected_option"] or {}).get("value", "")).partition(":")
        view = body.get("view") or {}
        told_in = view.get("private_metadata") if view.get("callback_id") == "answer" else ""
        place = body.get("channel") or {"id": told_in or ""}
        ask = self._ask(
            body["user"]["id"], body["user"].get("name", ""), place.get("id", ""), value, place.get("name", "")
        )
        self._presses.do(Pressed(verb, value, ask, body, respond, client, self._windows))
        if view.get("type") == "home":
            self.homes.refresh(body["user"]["id"])

    def _ask(self, user_id: str, user_name: str, channel: str, text: str, channel_name: str = "") -> Ask:
        person = self._people.person(user_id, user_name)
        return Ask(self._services, person, self._people, grammar.parse(text), channel, channel_name, self._client)
