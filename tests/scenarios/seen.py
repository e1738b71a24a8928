"""What a person sees in the local Slack: messages, threads, answers for one person alone, modals; and how they press.

Hard case: the same button twice in one message (each line of a list has its own); a press names the label that a person
reads, never an id. Rule: everything here goes through the workspace's own doors, so that what a test sees was really sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.scenarios.waiting import PATIENCE, eventually

CHANNEL = "data-alerts"
Row = dict[str, Any]


class SlackEyes:
    """The doors of one local Slack."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def do(self, deed: str, **body: Any) -> Row:
        """Act as a person: command, click, submit, close, faults. Fails with the sentence of a deed that cannot be."""
        answer = self._client.post(f"/_sandbox/{deed}", json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def rows(self, channel: str = CHANNEL) -> list[Row]:
        """Everything in a channel, oldest first."""
        return list(self._client.get("/_sandbox/messages", params={"channel": channel}).json()["messages"])

    def log(self, method: str = "") -> list[Row]:
        """Every call to Slack and every delivery to the bot, oldest first."""
        return list(self._client.get("/_sandbox/log", params={"method": method} if method else {}).json()["log"])

    def sockets(self) -> int:
        return int(self._client.get("/_sandbox/log").json()["sockets"])

    def modal(self, user: str) -> Row | None:
        view: Row | None = self._client.get("/_sandbox/state", params={"user": user}).json()["view"]
        return view

    def no_more_faults(self) -> None:
        self._client.delete("/_sandbox/faults")


def words_of(row: Row) -> str:
    """All that a person can read of a message or a view, a line a text."""
    texts = [row["text"]] if isinstance(row.get("text"), str) else list(_texts(row.get("title")))
    return "\n".join([*texts, *_texts(row.get("blocks") or []), *_texts(row.get("attachments") or [])])


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("text"), str) and node.get("type") in {"plain_text", "mrkdwn", "text"}:
            yield node["text"]
        for inner in node.values():
            yield from _texts(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _texts(inner)


def presses(row: Row) -> list[tuple[str, str, Any, str]]:
    """(label, action, value, block) of everything that can be pressed, in the order in which it is read."""
    blocks = [*(row.get("blocks") or []), *(b for a in row.get("attachments") or [] for b in a.get("blocks", []))]
    found: list[tuple[str, str, Any, str]] = []
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory")]:
            if not isinstance(element, dict) or "action_id" not in element:
                continue
            if element["type"] == "button":
                label = element["text"]["text"]
                found.append((label, element["action_id"], element.get("value"), block["block_id"]))
            for option in element.get("options", ()):
                found.append((option["text"]["text"], element["action_id"], option["value"], block["block_id"]))
    return found


@dataclass
class Answer:
    """What came back of a deed of one person."""

    eyes: SlackEyes
    user: str
    outcome: Row
    before: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return bool(self.outcome["ok"])

    def fresh(self) -> list[Row]:
        """What only this person sees and did not see before."""
        mine = [row for row in self.eyes.rows() if row["ephemeral_to"] == user_id(self.user)]
        return [row for row in mine if self.before.get(row["ts"]) != row["edits"]]

    def expect_ephemeral(self, *words: str, seconds: float = PATIENCE) -> Message:
        """The answer for this person alone that says all of these words."""

        def look() -> Row | None:
            return next((row for row in self.fresh() if all(word in words_of(row) for word in words)), None)

        found = eventually(look, lambda: (words, self.outcome, [words_of(row) for row in self.fresh()]), seconds)
        assert found is not None
        return Message(self.eyes, found["ts"])

    def expect_modal(self, *words: str) -> Modal:
        """The window that opened for this person."""

        def look() -> Row | None:
            view = self.eyes.modal(self.user)
            return view if view and all(word in words_of(view) for word in words) else None

        found = eventually(look, lambda: (words, self.outcome, words_of(self.eyes.modal(self.user) or {})))
        assert found is not None
        return Modal(self.eyes, self.user, found)

    @property
    def has_modal(self) -> bool:
        return self.eyes.modal(self.user) is not None


@dataclass
class Modal:
    """An open window."""

    eyes: SlackEyes
    user: str
    view: Row

    @property
    def words(self) -> str:
        return words_of(self.view)

    def submit(self, **values: Any) -> Answer:
        """Submit it; `how_long="30 minutes"` fills the input `how-long`."""
        given = {name.replace("_", "-"): value for name, value in values.items()}
        return did(self.eyes, self.user, "submit", values=given)

    def press(self, label: str) -> Answer:
        _, action, value, block = _named(self.view, label)
        return did(self.eyes, self.user, "click", action_id=action, value=value, block_id=block)


@dataclass
class Message:
    """One message, as it is now whenever it is looked at."""

    eyes: SlackEyes
    ts: str

    @property
    def row(self) -> Row:
        found = [row for row in self.eyes.rows() if row["ts"] == self.ts]
        assert found, f"the message {self.ts} is gone"
        return found[0]

    @property
    def words(self) -> str:
        return words_of(self.row)

    @property
    def labels(self) -> list[str]:
        """Everything that can be pressed."""
        return [label for label, *_ in presses(self.row)]

    @property
    def thread(self) -> list[str]:
        return [words_of(row) for row in self.eyes.rows() if row["thread_ts"] == self.ts and row["ts"] != self.ts]

    def press(self, label: str, user: str = "ana") -> Answer:
        """Press what has this label, as soon as it is there."""
        eventually(lambda: label in self.labels, lambda: (label, self.labels, self.words))
        _, action, value, block = _named(self.row, label)
        where = {"channel": CHANNEL, "ts": self.ts}
        return did(self.eyes, user, "click", action_id=action, value=value, block_id=block, **where)

    def expect_edit(self, *words: str, without: str = "", seconds: float = PATIENCE) -> Message:
        """This very message comes to say all of these words (and not `without`)."""

        def says_so() -> bool:
            said = self.words
            return all(word in said for word in words) and not (without and without in said)

        eventually(says_so, lambda: (words, self.words), seconds)
        return self

    def expect_thread(self, *words: str, seconds: float = PATIENCE) -> str:
        """A reply in its thread that says all of these words."""

        def look() -> str:
            return next((said for said in self.thread if all(word in said for word in words)), "")

        return eventually(look, lambda: (words, self.thread), seconds)


def did(eyes: SlackEyes, user: str, deed: str, **body: Any) -> Answer:
    """A deed, and what was there before it."""
    before = {row["ts"]: row["edits"] for row in eyes.rows() if row["ephemeral_to"]}
    return Answer(eyes, user, eyes.do(deed, user=user, **body), before)


def user_id(name: str) -> str:
    return f"U0{name.upper()}"


def _named(row: Row, label: str) -> tuple[str, str, Any, str]:
    there = presses(row)
    found = [one for one in there if one[0] == label]
    assert found, f"there is nothing called {label!r} to press; there is {[one[0] for one in there]}"
    return found[0]
