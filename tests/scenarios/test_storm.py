"""A database goes down: thousands of failures, few causes. Nothing is lost, nothing floods, nothing is repeated."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.scenarios.room import Room, a_room, signal
from tests.scenarios.waiting import eventually
from tests.stacks import SIGNAL_TOKEN

CAUSES = ("connection refused", "statement timeout", "disk full", "no route to host")
CLIENTS = 16


def failure(number: int) -> dict[str, Any]:
    """One of 500 DAGs, one of four causes, with figures of its own in the message."""
    message = f"{CAUSES[number % 4]} at 10.0.{number % 256}.7 port {5000 + number}"
    return signal(dag_id=f"dag_{number % 500}", task_id=f"task_{number // 500}",
                  exception={"type": "psycopg.OperationalError", "message": message})  # fmt: skip


class Storm:
    """Clients that send failures one by one and, like the plugin, keep what was not accepted and send it again."""

    def __init__(self, url: str, number: int) -> None:
        self._url, self._numbers = url, itertools.count()
        self._number, self._lock = number, threading.Lock()
        self.accepted: set[int] = set()
        self.refused: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._send) for _ in range(CLIENTS)]

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self, seconds: float = 120) -> None:
        for thread in self._threads:
            thread.join(seconds)
        assert len(self.accepted) == self._number, (len(self.accepted), self.refused)

    def _send(self) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {SIGNAL_TOKEN}"}, timeout=10, trust_env=False) as client:
            while (number := next(self._numbers)) < self._number:
                eventually(lambda number=number: self._sent(client, number), lambda: self.refused, 60)

    def _sent(self, client: httpx.Client, number: int) -> bool:
        try:
            answer = client.post(f"{self._url}/v1/signals", json=failure(number))
        except httpx.TransportError as error:
            self.refused[type(error).__name__] += 1
            return False
        if answer.status_code != 202:
            self.refused[str(answer.status_code)] += 1
            return False
        with self._lock:
            self.accepted.add(number)
        return True


def kept(room: Room) -> int:
    return sum(one["counts"]["failures"] for one in room.get("/v1/incidents").json()["incidents"])


def shows(room: Room, number: int) -> Callable[[], bool]:
    """Whether there are four messages, one a cause, and their counts make up the storm."""

    def look() -> bool:
        words = [message.words for message in room.messages("failures in")]
        counts = [int(word.split(" failures in")[0].split()[-1]) for word in words]
        return len(words) == len(CAUSES) and sum(counts) == number

    return look


def calls(room: Room) -> Counter[str]:
    return Counter(one["method"] for one in room.eyes.log() if one["method"].startswith("chat."))


@pytest.mark.timeout(240)
def test_ten_thousand_failures_are_four_messages_with_exact_counts_and_no_flood(tmp_path: Path) -> None:
    with a_room(tmp_path, apart=True) as room:
        for first in range(0, 10_000, 500):
            taken = room.report_all([failure(number) for number in range(first, first + 500)])
            assert taken == {"accepted": 500, "duplicates": 0}
        eventually(shows(room, 10_000), lambda: [m.words[:200] for m in room.messages()], 60)
        room.settled()
        assert kept(room) == 10_000
        assert len(room.messages()) == len(CAUSES)
        refused = [one for one in room.eyes.log() if "ratelimited" in str(one["answer"])]
        assert refused == []
        assert sum(calls(room).values()) <= 20, calls(room)  # four threads are told, too


@pytest.mark.timeout(240)
def test_killed_three_times_in_a_storm_it_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    with a_room(tmp_path, apart=True) as room:
        storm = Storm(room.url, 5_000)
        storm.begin()
        for share in (0.2, 0.45, 0.7):
            eventually(lambda share=share: len(storm.accepted) > share * 5_000, lambda: storm.refused, 90)
            room.bot.kill()
            room.start_bot()
        storm.end()
        assert storm.refused, "the bot was killed, yet nothing was refused"
        eventually(shows(room, 5_000), lambda: [m.words[:200] for m in room.messages()], 60)
        assert kept(room) == 5_000
        assert len(room.messages()) == len(CAUSES)
