"""Coverage on both databases: each failure is counted once, and keeps who told it first."""

from __future__ import annotations

from datetime import timedelta

from bot.store.database import Store
from bot.store.signals import coverage, signal_rows, signals
from bot.store.signals.coverage import Known, Spread
from tests.given import NOW, told


def ended(name: str, ago: float = 60, took: float | None = None, by: str = "") -> Known:
    at = NOW - timedelta(seconds=ago)
    return Known(name, at, None if took is None else at + timedelta(seconds=took), by)


def test_a_failure_is_known_before_it_is_told_and_keeps_its_teller(store: Store) -> None:
    since = NOW - timedelta(hours=1)
    with store.write() as t:
        coverage.count(t, "prod", [ended("a"), ended("b")])
        first = coverage.coverage(t, "prod", since)
        assert (first.known, first.told, first.ratio) == (2, {}, 0.0)
        coverage.count(t, "prod", [ended("a", took=2, by="hook")])
        coverage.count(t, "prod", [ended("a", took=20, by="sweep"), ended("a", took=30, by="sweep")])
        then = coverage.coverage(t, "prod", since)
        assert (then.known, then.told, then.ratio) == (2, {"hook": 1}, 0.5)
        assert then.took == {"hook": Spread(2.0, 2.0, 2.0)}
        assert coverage.counted(t, [ended("a"), ended("b"), ended("c")]) == {ended("a").key}


def test_figures_are_of_one_deployment_and_of_the_time_asked_for(store: Store) -> None:
    with store.write() as t:
        coverage.count(t, "prod", [ended(f"{n}", ago=n, took=n, by="sweep") for n in range(1, 101)])
        coverage.count(t, "other", [ended("x", took=1, by="hook")])
        all_of_it = coverage.coverage(t, "prod", NOW - timedelta(seconds=100))
        assert all_of_it.took["sweep"] == Spread(50.0, 95.0, 100.0)
        assert coverage.coverage(t, "prod", NOW - timedelta(seconds=10)).known == 10
        assert {name: one.known for name, one in coverage.totals(t).items()} == {"prod": 100, "other": 1}


def test_what_is_forgotten_stays_in_the_totals(store: Store) -> None:
    with store.write() as t:
        for week in range(3):
            old = [ended(f"{week}/{n}", ago=(9 + week) * 86_400, took=1, by="hook") for n in range(5)]
            coverage.count(t, "prod", [*old, ended(f"{week}/nobody", ago=9 * 86_400)])
            coverage.forget(t, NOW)
        coverage.count(t, "prod", [ended("young", took=1, by="sweep")])
        coverage.forget(t, NOW)
        whole = coverage.totals(t)["prod"]
        assert (whole.known, whole.told) == (19, {"hook": 15, "sweep": 1})


def test_when_a_signal_was_told_is_asked_by_its_identity(store: Store) -> None:
    many = [told(map_index=n) for n in range(1200)]
    with store.taking() as t:
        signals.take(t, [signal_rows.row_of(signal) for signal in many[:1100]], NOW)
    with store.read() as t:
        found = coverage.when_told(t, [signal.identity for signal in many])
    assert set(found) == {signal.identity for signal in many[:1100]}
    assert set(found.values()) == {NOW}
