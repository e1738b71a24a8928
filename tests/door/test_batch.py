"""Group commit: what came together is one transaction, each is answered behind it, and nothing that fails ends the door."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from bot.core.errors import Permanent, Temporary
from bot.door.batch import UNOBSERVED, Batch, Outcome
from bot.store.letters import Letter


class Table:
    """An inbox in memory: what it is told to fail with, it fails with."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.commits: list[list[str]] = []
        self.fails: list[Exception] = []
        self.odd: Exception | None = None

    def take(self, told: Sequence[Letter]) -> tuple[list[bool], int]:
        names = [one.identity for one in told]
        self.commits.append(names)
        if self.fails:
            raise self.fails.pop(0)
        if self.odd and "odd" in names:
            raise self.odd
        news = []
        for name in names:
            news.append(name not in self.kept)
            self.kept += [name] * news[-1]
        return news, len(self.kept)


def sent(table: Table, *names: str, observed: int | None = None, told: list[Any] | None = None) -> dict[str, Outcome]:
    """What each hears of its own when all come in one turn of the loop."""
    heard: dict[str, Outcome] = {}
    batch = Batch(
        table, lambda: told.append((batch.stored, batch.accepted, batch.duplicates)) if told is not None else None
    )
    batch.observed = observed

    async def turn() -> None:
        for place, name in enumerate(names):
            letter = Letter(name, (), "task_failed", "prod", "{}")
            batch.submit(letter, lambda outcome, key=f"{place}{name}": heard.__setitem__(key, outcome))
        assert heard == {}  # nobody is answered before the commit
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(turn())
    return heard


def test_what_came_in_one_turn_is_one_commit_and_each_hears_of_its_own() -> None:
    table, told = Table(), list[Any]()
    assert sent(table, "a", "b", "a", told=told) == {"0a": True, "1b": True, "2a": False}
    assert table.commits == [["a", "b", "a"]]
    assert told == [(2, 2, 1)]


def test_a_disk_that_is_full_refuses_all_of_them_and_keeps_none() -> None:
    table, full = Table(), Temporary("the store cannot write")
    table.fails.append(full)
    assert sent(table, "a", "b") == {"0a": full, "1b": full}
    assert table.commits == [["a", "b"]]  # not tried one by one: that would wait for each of them
    assert sent(table, "a") == {"0a": True}


@pytest.mark.parametrize("odd", [Permanent("the store refused", "store"), ZeroDivisionError()])
def test_one_at_fault_is_refused_alone(odd: Exception) -> None:
    table = Table()
    table.odd = odd
    heard = sent(table, "a", "odd", "b")
    assert (heard["0a"], heard["2b"]) == (True, True)
    assert isinstance(heard["1odd"], Permanent if isinstance(odd, Permanent) else Temporary)
    assert table.kept == ["a", "b"]


def test_a_bot_that_is_far_behind_is_given_no_more_until_it_has_caught_up() -> None:
    table = Table()
    table.kept = [f"t{n}" for n in range(UNOBSERVED + 1)]
    batch = Batch(table, lambda: None)
    outcomes: list[Outcome] = []

    async def turn(observed: int) -> None:
        batch.observed = observed
        batch.submit(Letter("x", (), "task_failed", "prod", "{}"), outcomes.append)
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(turn(0))  # how much is stored is learnt with this one
    asyncio.run(turn(0))
    asyncio.run(turn(UNOBSERVED))
    assert outcomes[0] is True
    assert isinstance(outcomes[1], Temporary)
    assert outcomes[1].retry_after
    assert outcomes[2] is False
