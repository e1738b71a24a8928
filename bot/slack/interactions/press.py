"""One press of a button or a menu entry, and where its answer goes.

Interactions in modals and App Home have no response_url, so the answer is a modal: on top of the current one, or a new
one, opened at once and filled later. A refusal in a modal about an alert opens no further modal; it is sent as an
ephemeral message in the alert's channel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt import Respond
from slack_sdk.web import WebClient

from bot.core.access import Person
from bot.core.errors import Permanent, Temporary
from bot.core.incidents.incident import number_of
from bot.responder.alerts.views import thread_of
from bot.responder.services import Services
from bot.slack.api.client import called
from bot.slack.commands.request import Ask
from bot.slack.dialogs import dialogs
from bot.slack.dialogs.open_dialogs import Windows
from bot.slack.interactions import owed_answers
from bot.slack.replies import replies
from bot.slack.text.block_kit import Block, Message
from bot.slack.text.limits import fit

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pressed:
    """The verb, its value, who pressed, and where the answer goes."""

    verb: str
    value: str
    ask: Ask
    body: Body
    respond: Respond
    client: WebClient
    windows: Windows

    @property
    def incident_id(self) -> int:
        """The id of the alert that the value names; 0 if it names none."""
        return number_of(self.value) or 0

    @property
    def view(self) -> Body:
        """The modal or App Home of the press; empty for a message."""
        return self.body.get("view") or {}

    def answer(self, title: str, draw: Callable[[], Message], *, replace: bool = False) -> None:
        """Answers only this person with a message that takes time to build. `replace` replaces the question."""
        if not self.view:
            self.say(spoken(draw), replace=replace)
        elif replace and self.view.get("type") == "modal":
            self.windows.fill(dialogs.window(spoken(draw), title), view_id=self.view["id"])
        elif opened := self.show(dialogs.waiting(title)):
            self.windows.fill(dialogs.window(spoken(draw), title), view_id=opened)

    def say(self, message: Message, *, replace: bool = False, title: str = "Windsock") -> None:
        """Answers only this person with a finished message."""
        if not self.view:
            self.respond(response_type="ephemeral", replace_original=replace, **fit(message))
        elif self.view.get("type") == "modal" and self.incident_id:
            whisper(self.ask.services, self.client, self.incident_id, self.ask.person, message)
        else:
            self.show(dialogs.window(message, title))

    def show(self, view: Block) -> str:
        """Opens a modal, on top of the current one. Returns its id; if it could not be opened, says why and returns an
        empty text."""
        opens = self.windows.push if self.view.get("type") == "modal" else self.windows.open
        try:
            return opens(self.body["trigger_id"], view)
        except (Temporary, Permanent) as error:
            said = replies.trouble(f"the window could not be opened. {error.message}")
            if not self.view:
                self.say(said)
            elif self.incident_id:
                whisper(self.ask.services, self.client, self.incident_id, self.ask.person, said)
            return ""


def whisper(services: Services, client: WebClient, incident_id: int, person: Person, message: Message) -> None:
    """An answer for one person in the channel of the alert, where Slack brought no address to answer to."""
    shown = thread_of(services, incident_id)
    if shown is not None:
        where = {"channel": shown[0], "user": person.id}
        owed_answers.said(lambda: called(client.chat_postEphemeral, **where, **fit(message)))


def spoken(draw: Callable[[], Message]) -> Message:
    """Builds the answer; an error becomes an answer too."""
    try:
        return draw()
    except (Temporary, Permanent) as error:
        return replies.trouble(f"{error.message}")
