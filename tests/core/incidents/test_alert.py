"""When an alert is owed, and what PagerDuty must hear; both are decided at the moment of delivery."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.core.incidents.alert import Alert, Kind, Place, owed, page_word
from bot.core.incidents.incident import State
from bot.core.incidents.routing import Silence
from tests.core.incidents.test_lifecycle import opened
from tests.given import ANA, NOW

SLACK = Place(Kind.slack, "#data-alerts")
AFTER = NOW + timedelta(minutes=5)
QUIET = Silence(1, "dag:sales", "prod", NOW + timedelta(hours=1), "Ana", "known")


@pytest.mark.parametrize(
    ("shown", "version", "due_at", "why"),
    [
        (0, 1, None, "first notice"),
        (0, 1, NOW, "first notice"),
        (0, 1, NOW + timedelta(seconds=1), None),
        (1, 1, None, None),
        (2, 1, None, None),
        (1, 5, NOW, "the incident has changed"),
        (1, 5, NOW + timedelta(minutes=15), None),
    ],
)
def test_an_alert_is_owed_when_it_shows_less_than_there_is_and_is_due(
    shown: int, version: int, due_at: datetime | None, why: str | None
) -> None:
    assert owed(Alert(1, 7, SLACK, shown=shown, due_at=due_at), opened(version=version), NOW) == why


HELD = {"state": State.acknowledged, "holder": ANA, "held_at": NOW}
WORDS: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("it opens", {}, "", "trigger"),
    ("it is rung already", {}, "trigger", None),
    ("it comes back", {}, "resolve", "trigger"),
    ("it was given back", {}, "acknowledge", "again"),
    ("it was given back, and is silenced", {"silence": QUIET}, "acknowledge", None),
    ("somebody took it before it came due", HELD, "", None),
    ("somebody took it", HELD, "trigger", "acknowledge"),
    ("somebody has it and PagerDuty knows", HELD, "acknowledge", None),
    ("it is over", {"state": State.resolved}, "trigger", "resolve"),
    ("it is over after somebody took it", {"state": State.resolved}, "acknowledge", "resolve"),
    ("it was over before anybody was rung", {"state": State.resolved}, "", None),
    ("it is silenced", {"silence": QUIET}, "", None),
    ("a person escalated what somebody has", HELD | {"escalated_at": AFTER}, "", "trigger"),
    ("a person escalated it, and it rings", HELD | {"escalated_at": AFTER}, "trigger", None),
    (
        "somebody took it after it was escalated",
        HELD | {"held_at": AFTER, "escalated_at": NOW},
        "trigger",
        "acknowledge",
    ),
    ("a person escalated what is silenced", {"silence": QUIET, "escalated_at": AFTER}, "", "trigger"),
]


@pytest.mark.parametrize(("state", "said", "word"), [row[1:] for row in WORDS], ids=[row[0] for row in WORDS])
def test_pagerduty_hears_what_is_true_at_delivery(state: dict[str, Any], said: str, word: str | None) -> None:
    assert page_word(Alert(1, 7, Place(Kind.pager, "pagerduty"), said=said), opened(**state)) == word


@pytest.mark.parametrize("said", ["trigger", "acknowledge"])
@pytest.mark.parametrize("state", [{}, HELD, {"silence": QUIET}], ids=["open", "acknowledged", "silenced"])
def test_what_was_paged_before_it_was_escalated_or_became_worse_is_paged_anew(state: dict[str, Any], said: str) -> None:
    before, after = (
        Alert(1, 7, Place(Kind.pager, "pagerduty"), said=said, posted_at=AFTER + timedelta(minutes=way))
        for way in (-1, 1)
    )
    assert page_word(before, opened(**state, escalated_at=AFTER)) == "again"
    assert page_word(after, opened(**state, escalated_at=AFTER)) != "again" or (state, said) == ({}, "acknowledge")


def test_a_place_is_called_by_its_kind_and_target() -> None:
    assert (str(SLACK), str(Place(Kind.pager, "pagerduty"))) == ("slack:#data-alerts", "pagerduty")
