"""How long to wait before another try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.backoff import full_jitter


@given(st.integers(0, 10_000), st.floats(0.01, 60), st.floats(0.01, 600), st.floats(0, 5))
def test_a_wait_is_never_outside_its_bounds(tries: int, base: float, most: float, least: float) -> None:
    assert least <= full_jitter(tries, base=base, most=most, least=least) <= max(least, most)


def test_waits_grow_with_the_tries_and_differ_between_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.core.backoff.random.uniform", lambda _, high: high)
    assert [full_jitter(tries, base=0.5, most=30) for tries in (0, 1, 2, 6, 50)] == [0.5, 1.0, 2.0, 30.0, 30.0]
    monkeypatch.undo()
    assert len({full_jitter(5, base=0.5, most=30) for _ in range(20)}) > 1
