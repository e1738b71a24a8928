"""The complete state of a local workspace, and the list of messages in it.

One turn of the event loop makes one complete change and notifies all watchers.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from bot.sandbox.slack.rules.compose import Content
from bot.sandbox.slack.rules.config import Config
from bot.sandbox.slack.rules.faults import Faults
from bot.sandbox.slack.rules.pace import Pace
from bot.sandbox.slack.state import seed
from bot.sandbox.slack.state.directory import Directory
from bot.sandbox.slack.state.entries import Entries
from bot.sandbox.slack.state.files import Files
from bot.sandbox.slack.state.live import Live
from bot.sandbox.slack.state.messages import Clock, Message
from bot.sandbox.slack.state.modals import Modals
from bot.sandbox.slack.state.response_urls import Answers

LOG = 5000


class Workspace:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.url = ""
        self.live = Live()
        self.directory = Directory()
        self.clock = Clock()
        self.messages = Messages(self.live, self.clock)
        self.modals = Modals(config.limits.trigger_life)
        self.entries = Entries()
        self.answers = Answers()
        self.files = Files()
        self.pace = Pace(config.limits)
        self.faults = Faults()
        self.tickets: set[str] = set()
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG)

    def note(self, **entry: Any) -> None:
        """Adds one line to `/_sandbox/log`."""
        self.log.append(entry)


class Messages:
    def __init__(self, live: Live, clock: Clock) -> None:
        self.live = live
        self.clock = clock
        self.by_channel: dict[str, list[Message]] = {}

    def post(
        self,
        channel_id: str,
        user: str,
        content: Content,
        *,
        thread_ts: str | None = None,
        ephemeral_to: str | None = None,
        broadcast: bool = False,
    ) -> Message:
        message = Message(
            ts=self.clock.ts(),
            channel_id=channel_id,
            user=user,
            text=content.text or "",
            blocks=content.blocks or [],
            attachments=content.attachments or [],
            metadata=content.metadata,
            thread_ts=thread_ts,
            ephemeral_to=ephemeral_to,
            broadcast=broadcast,
        )
        self.add(message)
        return message

    def add(self, message: Message) -> None:
        self.by_channel.setdefault(message.channel_id, []).append(message)
        self.live.tell("message", channel=message.channel_id, ts=message.ts)

    def edit(self, message: Message, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(message, name, value)
        message.edits += 1
        message.edited_at = self.clock.ts()
        self.live.tell("edit", channel=message.channel_id, ts=message.ts)

    def delete(self, message: Message) -> None:
        self.by_channel[message.channel_id].remove(message)
        self.live.tell("delete", channel=message.channel_id, ts=message.ts)

    def find(self, channel_id: str, ts: str) -> Message | None:
        return next((m for m in self.by_channel.get(channel_id, []) if m.ts == ts), None)

    def in_channel(self, channel_id: str) -> list[Message]:
        """All messages, oldest first, including threads and ephemeral messages."""
        return list(self.by_channel.get(channel_id, []))

    def public(self, channel_id: str) -> list[Message]:
        return [m for m in self.in_channel(channel_id) if m.ephemeral_to is None]

    def replies(self, channel_id: str, ts: str) -> list[Message]:
        return [m for m in self.public(channel_id) if m.thread_ts == ts and m.ts != ts]

    def from_slackbot(self, channel_id: str, user: str, text: str) -> Message:
        """A message from Slack itself to one person, for example that a command failed."""
        content = Content(text=text, blocks=None, attachments=None, metadata=None)
        return self.post(channel_id, seed.SLACKBOT, content, ephemeral_to=user)
