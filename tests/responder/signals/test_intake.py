"""The one writer: an answer comes after the commit, a backlog is refused, and nothing that fails ends it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from bot.core.errors import Permanent, Temporary
from bot.responder.services import Services
from bot.responder.signals.intake import BACKLOG, UNOBSERVED, Intake, Receipt
from bot.store import incidents
from bot.store.database import Store
from bot.store.signals import signals
from tests.given import at_once, failure, some_services, wait_until


class Held(Store):
    """A store that takes no signals until its gate opens, or fails with what it is told to fail with."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.fails: list[Exception] = []
        self.commits = 0

    @contextmanager
    def taking(self) -> Iterator[Connection]:
        self.entered.set()
        assert self.gate.wait(30)
        if self.fails:
            raise self.fails.pop(0)
        with super().taking() as t:
            yield t
        self.commits += 1


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = some_services(f"sqlite:///{tmp_path / 'store.db'}")
    made.store.close()
    made.store = Held(made.store.url)
    yield made
    made.store.close()


@pytest.fixture
def intake(services: Services) -> Iterator[Intake]:
    made = Intake(services)
    made.start()
    yield made
    held(services).gate.set()
    made.stop()
    assert not made.thread.is_alive()


def held(services: Services) -> Held:
    assert isinstance(services.store, Held)
    return services.store


def test_a_submission_is_answered_with_what_was_news(intake: Intake) -> None:
    assert intake.take([failure(), failure(source="sweep"), failure(task_id="x")]) == Receipt(2, 1)
    assert intake.take([failure()]) == Receipt(0, 1)
    assert intake.take([]) == Receipt(0, 0)


def test_at_the_moment_of_the_answer_the_signal_is_stored(services: Services, intake: Intake) -> None:
    seen: list[int] = []

    def answer(_: Any) -> None:
        with services.store.read() as t:
            seen.append(len(signals.after(t, 0, 10)))

    for n in range(5):
        intake.submit([failure("abcde"[n] * 3, task_id=f"t{n}")], answer)
    wait_until(lambda: len(seen) == 5, lambda: seen)
    assert all(count > place for place, count in enumerate(seen)), seen


def test_nothing_is_answered_before_the_commit(services: Services, intake: Intake) -> None:
    held(services).gate.clear()
    answers: list[Any] = []
    intake.submit([failure()], answers.append)
    assert held(services).entered.wait(20)
    assert answers == []
    held(services).gate.set()
    wait_until(lambda: answers, lambda: answers)
    assert answers == [Receipt(1, 0)]


def test_all_that_queued_up_is_one_commit_and_each_hears_of_its_own(services: Services, intake: Intake) -> None:
    held(services).gate.clear()
    answers: dict[int, Any] = {}
    intake.submit([failure(task_id="first")], lambda _: None)
    assert held(services).entered.wait(20)
    for n in range(50):  # each tells one of its own and one that all of them tell
        told = [failure(task_id=f"t{n}"), failure(task_id="first")]
        intake.submit(told, lambda receipt, n=n: answers.__setitem__(n, receipt))
    held(services).gate.set()
    wait_until(lambda: len(answers) == 50, lambda: answers)
    assert set(answers.values()) == {Receipt(1, 1)}
    assert held(services).commits == 2


def test_a_writer_that_is_behind_refuses_and_says_when_to_come_back(services: Services, intake: Intake) -> None:
    held(services).gate.clear()
    many = [failure()] * 1_000
    answers: list[Any] = []
    for _ in range(BACKLOG // 1_000):
        intake.submit(many, answers.append)
    with pytest.raises(Temporary) as refused:
        intake.submit([failure()], answers.append)
    assert refused.value.retry_after
    held(services).gate.set()
    wait_until(lambda: len(answers) == BACKLOG // 1_000, lambda: len(answers))
    assert intake.take([failure(task_id="x")]) == Receipt(1, 0)


@pytest.mark.parametrize("error", [Temporary("the store cannot write: disk is full"), Permanent("refused")])
def test_the_writer_outlives_a_commit_that_fails(services: Services, intake: Intake, error: Exception) -> None:
    held(services).fails.append(error)
    with pytest.raises(type(error)) as refused:
        intake.take([failure()])
    assert refused.value is error
    assert intake.take([failure()]) == Receipt(1, 0)  # none of it was taken before
    assert intake._backlog == 0


def test_what_was_submitted_before_the_end_is_committed(services: Services) -> None:
    intake, answers = Intake(services), []
    for n in range(20):
        intake.submit([failure(task_id=f"t{n}")], answers.append)
    intake.start()
    intake.stop()
    assert answers == [Receipt(1, 0)] * 20


def test_after_its_end_it_takes_nothing_and_says_so(services: Services) -> None:
    intake = Intake(services)
    intake.start()
    intake.stop()
    with pytest.raises(Temporary):
        intake.submit([failure()], lambda _: None)


def test_a_signal_that_we_stumble_over_is_refused_alone_and_the_writer_goes_on(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = signals.take

    def stumble(t: Connection, told: Any, now: Any) -> Any:
        if any('"odd"' in one.body for one in told):
            raise ZeroDivisionError
        return honest(t, told, now)

    monkeypatch.setattr(signals, "take", stumble)
    intake, answers = Intake(services), []
    for task_id in ("first", "odd", "last"):
        intake.submit([failure(task_id=task_id)], answers.append)
    intake.start()
    assert intake.take([failure(task_id="after")]) == Receipt(1, 0)
    intake.stop()
    assert [type(answer) for answer in answers] == [Receipt, Temporary, Receipt]
    with services.store.read() as t:
        (known,) = incidents.listed(t)
        assert incidents.counts(t, known.id, services.clock()).failures == 3


def test_many_threads_at_once_lose_nothing_and_count_nothing_twice(services: Services, intake: Intake) -> None:
    def send(worker: int) -> int:
        return sum(intake.take([failure(task_id=f"t{n}", map_index=worker % 2)]).accepted for n in range(20))

    accepted = at_once(*(lambda worker=worker: send(worker) for worker in range(4)))
    assert sum(accepted) == 40
    with services.store.read() as t:
        (known,) = incidents.listed(t)
        assert incidents.counts(t, known.id, services.clock()).failures == 40


def test_an_observer_that_is_far_behind_refuses_and_says_when_to_come_back(services: Services) -> None:
    intake = Intake(services)
    intake.observer.wake(UNOBSERVED + 1)
    with pytest.raises(Temporary, match="observer is behind") as refused:
        intake.submit([failure()], lambda _: None)
    assert refused.value.retry_after


def test_whoever_takes_signals_of_our_own_sees_what_they_mean(services: Services, intake: Intake) -> None:
    for n in range(20):
        intake.take([failure("abcdefghijklmnopqrst"[n] * 3, task_id=f"t{n}")])
        with services.store.read() as t:
            assert len(incidents.listed(t)) == n + 1


def test_one_that_the_store_does_not_take_refuses_no_other(
    services: Services, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL may refuse a text that everything before it let through."""
    take = signals.take

    def picky(t: Connection, told: Any, now: Any) -> list[bool]:
        if any("odd" in one.body for one in told):
            raise Permanent("the store refused", "store")
        return take(t, told, now)

    monkeypatch.setattr(signals, "take", picky)
    answers: dict[str, Any] = {}
    held(services).gate.clear()
    intake.submit([failure(task_id="first")], lambda given: answers.update(first=given))
    wait_until(held(services).entered.is_set, lambda: answers)
    for name in ("a", "odd", "b"):
        intake.submit([failure(task_id=name)], partial(answers.__setitem__, name))
    held(services).gate.set()
    wait_until(lambda: len(answers) == 4, lambda: answers)
    assert isinstance(answers["odd"], Permanent)
    assert all(isinstance(answers[name], Receipt) for name in ("first", "a", "b")), answers
