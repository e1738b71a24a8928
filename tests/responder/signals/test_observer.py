"""The observer: what was stored is observed once, in its order, whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from bot.core.errors import Crossed, Temporary
from bot.core.incidents.incident import Incident, State
from bot.core.signals.signal import Signal
from bot.responder.services import Services
from bot.responder.signals import observe as meaning
from bot.responder.signals import observer as module
from bot.responder.signals.observe import observe, report
from bot.responder.signals.observer import Observer, wait_for_others
from bot.store import incidents
from bot.store.signals import signals
from bot.store.signals.signal_rows import row_of
from bot.store.tables import set_aside
from tests.given import Clock, at_once, failure, some_services, told, wait_until


@contextmanager
def observing(services: Services) -> Iterator[Observer]:
    observer = Observer(services)
    observer.start()
    try:
        yield observer
    finally:
        observer.stop()
        assert not observer.thread.is_alive()


def store(services: Services, *batch: Signal) -> int:
    """Stores the signals as the intake does; up to which id there are signals now."""
    with services.store.taking() as t:
        signals.take(t, [row_of(signal) for signal in batch], services.clock())
        return signals.newest(t)


def all_of(services: Services) -> list[Incident]:
    with services.store.read() as t:
        return incidents.listed(t)[::-1]


def counted(services: Services) -> int:
    with services.store.read() as t:
        return sum(incidents.counts(t, known.id, services.clock()).failures for known in incidents.listed(t))


def what_was_set_aside(services: Services) -> list[tuple[int, str]]:
    with services.store.read() as t:
        return [(row.signal_id, row.error) for row in t.execute(select(set_aside).order_by(set_aside.c.signal_id))]


def test_what_was_stored_when_the_process_was_killed_is_observed_at_the_start(services: Services) -> None:
    upto = store(services, *(failure(task_id=f"t{n}") for n in range(700)))
    assert all_of(services) == []
    with observing(services) as observer:
        assert observer.reached(upto, 30)
        assert counted(services) == 700


def test_a_batch_that_was_committed_is_not_observed_again(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 10)
    upto = store(services, *(failure(task_id=f"t{n}") for n in range(25)))
    assert observe(services, 10) == 10  # then the process was killed
    with observing(services) as observer:
        assert observer.reached(upto, 30)
    with observing(services) as observer:
        assert observer.reached(upto, 30)
    assert counted(services) == 25


def test_a_crash_in_the_middle_of_an_observation_counts_nothing_twice(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The incidents are written and then the process ends: neither they nor the mark are there, and the next try counts."""
    store(services, failure(), failure(task_id="x"))
    with monkeypatch.context() as patched:
        patched.setattr(signals, "set_observed", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            observe(services, 10)
    assert all_of(services) == []
    observe(services, 10)
    assert counted(services) == 2


def test_sick_and_well_are_observed_in_the_order_in_which_they_came(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 1)  # also across batches
    upto = store(services, failure(), told("task_succeeded", try_number=2), failure(try_number=3))
    with observing(services) as observer:
        assert observer.reached(upto, 30)
    (known,) = all_of(services)
    assert (known.state, known.times) == (State.open, 2)


def test_one_that_we_stumble_over_is_set_aside_where_people_see_it_and_the_others_go_on(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = meaning.parse_stored

    def stumble(body: Any, now: Any) -> Signal:
        if body.get("task_id") == "odd":
            raise ZeroDivisionError("this one")
        return honest(body, now)

    monkeypatch.setattr(meaning, "parse_stored", stumble)
    upto = store(services, failure(task_id="first"), failure(task_id="odd"), failure(task_id="last"))
    with observing(services) as observer:
        assert observer.reached(upto, 30)
        after = store(services, failure(task_id="after"))
        observer.wake(after)
        assert observer.reached(after, 30)
        assert "1 signals were set aside" in observer.state()
    assert counted(services) == 3
    assert what_was_set_aside(services) == [(2, "ZeroDivisionError: this one")]
    with services.store.read() as t:  # it is kept, as it came
        assert [one.body["task_id"] for one in signals.after(t, 1, 1)] == ["odd"]


def test_a_store_that_cannot_be_written_sets_nothing_aside_and_is_tried_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = {"now": True}
    honest = incidents.add_subjects

    def add(t: Connection, sick: Any) -> None:
        if full["now"]:
            raise Temporary("the store cannot write: database or disk is full")
        honest(t, sick)

    monkeypatch.setattr(incidents, "add_subjects", add)
    upto = store(services, failure())
    with observing(services) as observer:
        wait_until(lambda: "disk is full" in observer.state(), observer.state)
        full["now"] = False
        assert observer.reached(upto, 30)
        wait_until(lambda: observer.state() == "", observer.state)
    assert (counted(services), what_was_set_aside(services)) == (1, [])


def test_the_observer_outlives_an_error_of_its_own(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [True]

    def seen(observer: Observer) -> int:
        if wrong and wrong.pop():
            raise ZeroDivisionError
        return honest(observer)

    honest = Observer._seen
    monkeypatch.setattr(Observer, "_seen", seen)
    with observing(services) as observer:
        wait_until(lambda: not wrong and not observer.trouble, lambda: (wrong, observer.trouble))
        assert observer.reached(store(services, failure()), 30)


def test_one_that_ended_is_said_to_have_ended(services: Services) -> None:
    with observing(services) as observer:
        assert observer.state() == ""
    assert "has ended" in observer.state()


def test_whoever_waits_for_an_observer_that_does_not_come_is_told_so(services: Services) -> None:
    upto = store(services, failure())
    observer = Observer(services)
    assert not observer.reached(upto, 0.05)
    assert wait_for_others(services.store, 0.05) == 1
    report(services, [])
    assert observer.reached(upto, 0.05)  # somebody else did it
    assert wait_for_others(services.store, 0.05) == 0


def test_two_replicas_that_observe_at_once_count_everything_once_and_in_order(database: str) -> None:
    clock = Clock()
    all_services = [some_services(database, clock), some_services(database, clock)]
    batch = [failure(f"cause {'abc'[n % 3] * 4}", task_id=f"t{n}") for n in range(600)]
    store(all_services[0], *batch, *(told("task_succeeded", task_id=f"t{n}", try_number=2) for n in range(600)))

    def look(services: Services) -> int:
        rounds = 0
        while observe(services, 50):
            rounds += 1
        return rounds

    results = at_once(*(lambda services=services: look(services) for services in (*all_services, *all_services)))
    assert all(isinstance(result, int) for result in results), results
    assert counted(all_services[0]) == 600
    assert {known.state for known in all_of(all_services[0])} == {State.resolved}
    for services in all_services:
        services.store.close()


def test_a_replica_that_takes_waits_for_the_one_that_takes(database: str) -> None:
    """So ids come in the order of the commits, and an observer that has seen one has seen all before it."""
    first, second = some_services(database), some_services(database)
    done: list[int] = []
    other = threading.Thread(target=lambda: done.append(store(second, failure(task_id="second"))))

    def waits() -> bool:
        with first.store.read() as t:
            return bool(t.scalar(text("select count(*) from pg_locks where locktype = 'advisory' and not granted")))

    with first.store.taking() as t:
        signals.take(t, [row_of(failure(task_id="first"))], first.clock())
        other.start()
        wait_until(lambda: done or waits(), lambda: (done, waits()))
        assert done == []
    other.join(30)
    assert done == [2]
    for services in (first, second):
        services.store.close()


def test_one_that_crosses_with_itself_for_ever_is_set_aside_too(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What looks like another replica that was faster, again and again, is a mistake of ours; the others go on."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    save = incidents.save

    def crossing(t: Connection, changed: Incident) -> None:
        if changed.exemplar.task_id == "odd":
            raise Crossed("the store was changed at the same moment")
        save(t, changed)

    monkeypatch.setattr(incidents, "save", crossing)
    upto = store(
        services, failure("one"), failure("another cause", task_id="odd"), failure("a third one", task_id="t3")
    )
    with observing(services) as observer:
        assert observer.reached(upto, 30)
    assert [signal_id for signal_id, _ in what_was_set_aside(services)] == [2]
    assert counted(services) == 2
