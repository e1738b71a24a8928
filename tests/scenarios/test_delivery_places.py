"""Where an alert is seen when its channel cannot be written, and how it comes back; and who comes first when many messages
grow at once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bot.core.incidents.routing import Policy, Route, matcher
from bot.sandbox.slack.rules.config import Config
from tests.scenarios.room import Room, signal
from tests.scenarios.seen import words_of
from tests.scenarios.waiting import eventually

MANY = 14
WORDS = (
    "refused",
    "full",
    "route",
    "slow",
    "row",
    "memory",
    "key",
    "lock",
    "quota",
    "disk",
    "pool",
    "host",
    "sign",
    "zone",
)


def routed(room: Room, channel: str) -> None:
    """From now on `bank` is seen in this channel."""
    route = Route("bank", matcher({"dag": "bank"}, "match"), channel=channel)
    room.bot.windsock.services.policy = Policy((route,))  # type: ignore[union-attr]


def seen_in(room: Room, channel: str, *words: str) -> list[dict[str, Any]]:
    rows = [row for row in room.eyes.rows(channel) if not row["thread_ts"] and not row["ephemeral_to"]]
    return [row for row in rows if all(word in words_of(row) for word in words)]


def api(room: Room, method: str, **arguments: Any) -> None:
    headers = {"Authorization": f"Bearer {Config().bot_token}"}
    answer = httpx.post(f"{room.eyes.url}/api/{method}", json=arguments, headers=headers, trust_env=False).json()
    assert answer["ok"], answer


def test_an_archived_channel_is_replaced_by_the_root_channel_whose_thread_says_why(room: Room) -> None:
    routed(room, "#old-alerts")
    room.report(dag_id="bank")
    alert = room.expect("bank.load failed")
    alert.expect_thread("old-alerts cannot be written", "the channel is archived")
    assert "archived" in room.get("/readyz").text
    alert.press("Acknowledge")
    alert.expect_edit("Ana has it")


def test_a_channel_without_the_bot_is_joined_and_written(room: Room) -> None:
    routed(room, "#random")
    room.report(dag_id="bank")
    eventually(lambda: seen_in(room, "random", "bank.load failed"), room.eyes.log)
    room.settled()
    assert room.messages() == [], "nobody has to invite it, so nothing is said elsewhere"


def test_a_private_channel_that_does_not_take_the_bot_is_told_and_written_once_it_is_invited(room: Room) -> None:
    routed(room, "#random")
    room.fault(kind="error", code="method_not_supported_for_channel_type", method="conversations.join")
    room.report(dag_id="bank")
    alert = room.expect("bank.load failed")
    alert.expect_thread("random cannot be written", "the bot is not in the channel; invite it")
    room.eyes.no_more_faults()
    api(room, "conversations.join", channel="#random")  # as if somebody had invited it
    alert.press("Acknowledge")
    eventually(lambda: seen_in(room, "random", "Ana has it"), room.eyes.log)
    room.settled()
    assert len(seen_in(room, "random")) == 1
    assert "invite" not in room.get("/readyz").text


def grown(room: Room, size: int) -> None:
    """Every one of many incidents has that many failures."""
    causes = [{"type": "OSError", "message": word} for word in WORDS[:MANY]]
    room.report_all(
        [signal(dag_id=f"dag_{n}", task_id=f"t{size}", exception=cause) for n, cause in enumerate(causes)]
    )  # fmt: skip


def acknowledged_at(room: Room) -> str:
    """When the press had come to us, which takes a while on a busy machine."""
    numbers = [one["id"] for one in room.get("/v1/incidents").json()["incidents"]]
    entries = [entry for number in numbers for entry in room.incident(number)["timeline"]]
    return next(str(entry["at"]) for entry in entries if entry["what"] == "acknowledged")


@pytest.mark.timeout(180)
def test_when_many_messages_grow_a_press_is_the_next_edit_and_slack_never_refuses(room: Room) -> None:
    grown(room, 1)
    eventually(lambda: len(room.messages("failed")) == MANY, room.all_words, 60)
    for size in range(2, 7):
        grown(room, size)
        edits = len(room.eyes.log("chat.update"))
        eventually(lambda edits=edits: len(room.eyes.log("chat.update")) > edits, lambda: room.eyes.log()[-3:], 40)
    alert = room.messages("dag_9")[0]
    alert.press("Acknowledge")
    alert.expect_edit("Ana has it")
    taken = acknowledged_at(room)
    after = [row["arguments"]["text"] for row in room.eyes.log("chat.update") if row["at"] >= taken]
    place = next(n for n, text in enumerate(after) if "Ana has it" in text)
    assert place <= 2, after
    room.settled()
    for message in room.messages():
        assert "6 failures" in message.words, "everybody had their turn"
    refused = [row for row in room.eyes.log() if "ratelimited" in str(row.get("answer", ""))]
    assert refused == []
