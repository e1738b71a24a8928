"""What a person does: type a command, write a message, press, choose, submit, close, open the App Home.

The answer comes after the ack and from another connection, so each method waits for the ack and then at most one second
for its effects. A name that doesn't exist raises `NotThere`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.sandbox.slack.delivery import payloads, response_url
from bot.sandbox.slack.delivery.delivery import Delivery, Undelivered
from bot.sandbox.slack.delivery.press import action_for, named
from bot.sandbox.slack.delivery.submission import obey
from bot.sandbox.slack.rules import inputs, limits
from bot.sandbox.slack.rules.compose import Content
from bot.sandbox.slack.rules.errors import SlackError
from bot.sandbox.slack.state import response_urls, seed
from bot.sandbox.slack.state.directory import Channel
from bot.sandbox.slack.state.messages import Message
from bot.sandbox.slack.state.workspace import Workspace

AFTER_ACK = 1.0
T = TypeVar("T")


class NotThere(Exception):
    """The person, channel, message or button that was named does not exist; a sentence."""


@dataclass(frozen=True)
class Moment:
    """The state before an action, so that its result can be recognised."""

    user: str
    since: str
    view_hash: str | None
    message: Message | None
    edits: int


class People:
    def __init__(self, workspace: Workspace, delivery: Delivery) -> None:
        self.workspace = workspace
        self.delivery = delivery

    async def command(self, channel: str, user: str, command: str, text: str) -> dict[str, Any]:
        place, person = self.channel(channel), self.user(user)
        before = self._moment(person)
        if command != self.workspace.config.command:
            hint = f"{command} is not a valid command. There is {self.workspace.config.command}"
            self.workspace.messages.from_slackbot(place.id, person["id"], hint)
            return self._outcome(before, error="unknown_command")
        payload = payloads.slash(self.workspace, place, person, command, text)
        try:
            self._apply_ack(place, person, await self.delivery.ask("slash_commands", payload))
        except (Undelivered, SlackError) as failure:
            sentence = f'{command} failed with the error "{failure.code}"'
            self.workspace.messages.from_slackbot(place.id, person["id"], sentence)
            return self._outcome(before, error=failure.code)
        return await self._settled(before)

    async def click(
        self,
        user: str,
        action_id: str,
        *,
        channel: str | None = None,
        ts: str | None = None,
        value: Any = None,
        block_id: str | None = None,
        state: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Presses or chooses: in the named message, otherwise in the open modal, otherwise in the App Home."""
        person = self.user(user)
        message = self.message(channel, ts, person) if ts else None
        view = {} if message else self._view(person)
        entries = self.workspace.entries
        name = message.ts if message else view["id"]
        blocks = entries.offered(name, message.all_blocks() if message else view["blocks"])
        action = _or_not_there(lambda: action_for(blocks, action_id, value, block_id))
        values = _or_not_there(lambda: entries.after(name, blocks, state or {}, action))
        before = self._moment(person, message)
        if message:
            payload = payloads.pressed_in_message(self.workspace, message, person, action, values)
        else:
            payload = payloads.pressed_in_view(self.workspace, view, person, action, values)
        try:
            await self.delivery.ask("interactive", payload)
        except Undelivered as failure:
            return self._outcome(before, error=failure.code)
        return await self._settled(before)

    async def submit(self, user: str, values: dict[str, Any]) -> dict[str, Any]:
        """Submits the open modal; `errors` by block_id if it was refused, by Slack's client or by the app."""
        person = self.user(user)
        view = self.workspace.modals.top(person["id"])
        if view is None or not view["submit"]:
            raise NotThere(f"{person['name']} has no open modal that can be submitted")
        blocks = self.workspace.entries.offered(view["id"], view["blocks"])
        state = _or_not_there(lambda: self.workspace.entries.after(view["id"], blocks, values))
        before = self._moment(person)
        if errors := inputs.faults(view["blocks"], state):
            return self._outcome(before) | {"errors": errors}
        try:
            ack = await self.delivery.ask("interactive", payloads.submitted(self.workspace, view, person, state))
            errors = obey(self.workspace, person["id"], view, ack)
        except (Undelivered, SlackError) as failure:
            return self._outcome(before, error=failure.code)
        if errors:
            return self._outcome(before) | {"errors": errors}
        shown = isinstance(ack, dict) and ack.get("response_action") in ("update", "push")
        return await self._settled(before if shown else self._moment(person, since=before.since))

    async def close(self, user: str, *, everything: bool = False) -> dict[str, Any]:
        person = self.user(user)
        before = self._moment(person)
        top = self.workspace.modals.top(person["id"]) or {}
        everything = everything or bool(top.get("clear_on_close"))
        for view in self.workspace.modals.close(person["id"], everything=everything):
            self.workspace.live.tell("view", user=person["id"])
            if view["notify_on_close"]:
                payload = payloads.closed(self.workspace, view, person, cleared=everything)
                try:
                    await self.delivery.ask("interactive", payload)
                except Undelivered as failure:
                    return self._outcome(before, error=failure.code)
        return self._outcome(before)

    async def suggest(
        self, user: str, action_id: str, block_id: str | None, value: str, channel: str | None, ts: str | None
    ) -> dict[str, Any]:
        """The app's suggestions for a person's input in an external select: `{ok, options | option_groups}`. Input
        shorter than the select's minimum is not sent to the app."""
        person = self.user(user)
        message = self.message(channel, ts, person) if ts else None
        view = {} if message else self._view(person)
        blocks = message.all_blocks() if message else view["blocks"]
        block, element = _or_not_there(lambda: named(blocks, action_id, block_id))
        if len(value) < (least := element.get("min_query_length", 3)):
            raise NotThere(f"{action_id!r} asks the app from {least} letters on")
        place: dict[str, Any] = {"view": view, "container": {"type": "view", "view_id": view.get("id")}}
        if message:
            container = {"type": "message", "message_ts": message.ts, "channel_id": message.channel_id}
            place = {"message": message.api(), "container": container}
        payload = payloads.suggestion(self.workspace, person, block["block_id"], action_id, value, place)
        try:
            answer = await self.delivery.ask("interactive", payload)
        except Undelivered as failure:
            return {"ok": False, "error": failure.code}
        if faults := limits.suggestion_faults(answer):
            self.workspace.note(kind="refused", method="block_suggestion", arguments={"answer": str(answer)[:300]}, ok=False,
                                error="; ".join(faults))  # fmt: skip
            return {"ok": False, "error": "invalid_options", "errors": faults}
        self.workspace.entries.offer(message.ts if message else view["id"], inputs.place(block, element), answer)
        return {"ok": True, **answer}

    async def home(self, user: str) -> dict[str, Any]:
        """Opens the App Home; waits at most one second until the app has published a view for this person."""
        person = self.user(user)
        before = (self.workspace.modals.homes.get(person["id"]) or {}).get("hash")
        event = {"type": "app_home_opened", "user": person["id"], "channel": f"D{person['id'][1:]}", "tab": "home"}
        if published := self.workspace.modals.homes.get(person["id"]):
            event["view"] = published
        self.delivery.event(event | {"event_ts": self.workspace.clock.ts()})
        homes = self.workspace.modals.homes
        await self.workspace.live.until(lambda: (homes.get(person["id"]) or {}).get("hash") != before, AFTER_ACK)
        return {"ok": True, "view": homes.get(person["id"])}

    def say(self, channel: str, user: str, text: str, thread_ts: str | None = None) -> dict[str, Any]:
        """Posts plain text as this person; the app gets the events that Slack would send."""
        place, person = self.channel(channel), self.user(user)
        said = re.sub(r"@windsock\b", f"<@{seed.BOT_USER}>", _escaped(text), flags=re.IGNORECASE)
        content = Content(said, None, None, None)
        message = self.workspace.messages.post(place.id, person["id"], content, thread_ts=thread_ts)
        if seed.BOT_USER in place.members:
            event = message.api() | {"channel": place.id, "event_ts": message.ts}
            self.delivery.event(event | {"channel_type": "im" if place.person else "channel"})
            if f"<@{seed.BOT_USER}>" in said and not place.person:
                self.delivery.event(event | {"type": "app_mention"})
        return {"ok": True, "ts": message.ts}

    def channel(self, name: str) -> Channel:
        found = self.workspace.directory.channel(name or "")
        if found is None:
            raise NotThere(f"there is no channel {name!r}")
        return found

    def user(self, name: str) -> dict[str, Any]:
        found = self.workspace.directory.user(name or "")
        if found is None:
            raise NotThere(f"there is no user {name!r}")
        return found

    def message(self, channel: str | None, ts: str | None, person: dict[str, Any]) -> Message:
        found = self.workspace.messages.find(self.channel(channel or "").id, ts or "")
        if found is None or found.ephemeral_to not in (None, person["id"]):
            raise NotThere(f"{person['name']} sees no message {ts} in {channel}")
        return found

    def _view(self, person: dict[str, Any]) -> dict[str, Any]:
        modals = self.workspace.modals
        view = modals.top(person["id"]) or modals.homes.get(person["id"])
        if view is None:
            raise NotThere(f"{person['name']} has no modal and no App Home open; name a message by channel and ts")
        return view

    def _apply_ack(self, place: Channel, person: dict[str, Any], ack: Any) -> None:
        if isinstance(ack, str):
            ack = {"text": ack}
        if ack and (ack.get("text") or ack.get("blocks") or ack.get("attachments")):
            response_url.apply(self.workspace, response_urls.Address(place.id, person["id"], time.monotonic()), ack)

    def _moment(self, person: dict[str, Any], message: Message | None = None, since: str = "") -> Moment:
        top = self.workspace.modals.top(person["id"]) or {}
        edits = message.edits if message else 0
        return Moment(person["id"], since or self.workspace.clock.ts(), top.get("hash"), message, edits)

    async def _settled(self, before: Moment) -> dict[str, Any]:
        await self.workspace.live.until(lambda: self._answered(before), AFTER_ACK)
        return self._outcome(before)

    def _answered(self, before: Moment) -> bool:
        top = self.workspace.modals.top(before.user) or {}
        edited = before.message is not None and before.message.edits != before.edits
        return edited or top.get("hash") != before.view_hash or bool(self._replies(before))

    def _replies(self, before: Moment) -> list[Message]:
        everywhere = (m for rows in self.workspace.messages.by_channel.values() for m in rows)
        mine = (m for m in everywhere if m.ephemeral_to == before.user)
        return [m for m in mine if max(m.ts, m.edited_at or "") > before.since]

    def _outcome(self, before: Moment, error: str | None = None) -> dict[str, Any]:
        replies = [m.seen() for m in self._replies(before)]
        outcome = {"ok": error is None, "replies": replies, "view": self.workspace.modals.top(before.user)}
        return outcome | ({"error": error} if error else {})


def _or_not_there(look: Callable[[], T]) -> T:
    try:
        return look()
    except ValueError as error:
        raise NotThere(str(error)) from None


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
