"""Signals are stored once, whatever order and company they come in."""

from __future__ import annotations

from sqlalchemy import func, select

from bot.core.signals.signal import Signal
from bot.core.signals.wire import parse
from bot.store.database import Store
from bot.store.signals import signal_rows, signals
from bot.store.tables import signals as rows
from tests.given import NOW, at_once, failure, told


class TestTake:
    def take(self, store: Store, *batch: Signal) -> list[Signal]:
        with store.taking() as t:
            news = signals.take(t, [signal_rows.row_of(signal) for signal in batch], NOW)
        return [signal for signal, is_news in zip(batch, news, strict=True) if is_news]

    def test_what_was_told_before_is_not_taken_again(self, store: Store) -> None:
        first, again, other = failure(), failure("told by another road", source="sweep"), failure(try_number=2)
        assert self.take(store, first, again) == [first]
        assert self.take(store, again, other) == [other]
        with store.read() as t:
            assert t.scalar(select(func.count()).select_from(rows)) == 2

    def test_what_flips_is_taken_at_each_turn(self, store: Store) -> None:
        broken, mended = told("import_error"), told("import_fixed")
        assert self.take(store, broken, broken, mended, broken, mended) == [broken, mended, broken, mended]
        assert self.take(store, mended) == []
        assert self.take(store, broken, broken) == [broken]

    def test_the_order_is_kept(self, store: Store) -> None:
        batch = [failure(task_id=f"t{n}") for n in range(2_500)]
        batch.insert(1_200, told("import_error"))
        assert self.take(store, *batch) == batch

    def test_two_who_tell_the_same_at_once_are_one(self, store: Store) -> None:
        batch = [failure(task_id=f"t{n}") for n in range(50)]
        results = at_once(*(lambda part=part: self.take(store, *part) for part in (batch, batch, batch)))
        assert sorted(len(result) for result in results) == [0, 0, 50], results

    def test_any_name_that_airflow_allows_can_be_stored(self, store: Store) -> None:
        long = [
            failure(dag_id="ü" * 500, run_id="ほ" * 500, task_id="🙂" * 500, map_index=2**31 - 1, deployment="d" * 500)
        ]
        assert self.take(store, *long) == long
        with store.read() as t:
            (kept,) = signals.after(t, 0, 10)
        assert parse(kept.body, kept.received_at) == long[0]

    def test_they_are_read_back_in_the_order_in_which_they_came_a_part_at_a_time(self, store: Store) -> None:
        batch = [failure(task_id=f"t{n}") for n in range(20)]
        self.take(store, *batch)
        with store.write() as t:
            first = signals.after(t, signals.observed(t), 12)
            signals.set_observed(t, first[-1].id)
            rest = signals.after(t, signals.observed(t), 12)
            assert rest[-1].id == signals.newest(t)
        assert [one.body["task_id"] for one in [*first, *rest]] == [signal.task_id for signal in batch]
        assert not any(one.again for one in [*first, *rest])

    def test_the_reason_that_was_missing_is_kept_once(self, store: Store) -> None:
        bare = told(exception=None)
        for batch in ([bare], [bare], [failure("why"), failure("why")], [failure("why")]):
            self.take(store, *batch)
        with store.read() as t:
            assert [one.again for one in signals.after(t, 0, 10)] == [False, True]

    def test_what_was_only_told_again_goes_once_it_was_observed_but_the_newest_stays(self, store: Store) -> None:
        bare = [told(exception=None, map_index=n) for n in range(2)]
        self.take(store, bare[0], failure("why", map_index=0), bare[1], failure("why", map_index=1))
        signals.drop_told_again(store, [1, 2, 3, 4])
        with store.read() as t:
            assert [(one.id, one.again) for one in signals.after(t, 0, 10)] == [(1, False), (3, False), (4, True)]
